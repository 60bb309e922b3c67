#!/bin/sh
# Gives the app its rights, and makes the system topics. azd runs this after provisioning; to repeat it does no harm.
set -eu

: "${IDENTITY_PRINCIPAL_ID:?is not set: run azd provision first}"
command -v az >/dev/null || {
  echo "The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postprovision" >&2
  exit 1
}

# the parameters are read from the environment
az deployment sub create --subscription "$AZURE_SUBSCRIPTION_ID" --location "$AZURE_LOCATION" \
  --name "access-$FUNCTION_APP_NAME" --parameters "$(dirname "$0")/../access.bicepparam" --output none
echo "The app has its rights."
