#!/bin/sh
# Gives the app its rights, and makes the system topics. azd runs this after provisioning; to repeat it does no harm.
set -eu

: "${IDENTITY_PRINCIPAL_ID:?is not set: run azd provision first}"
command -v az >/dev/null || {
  echo "The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postprovision" >&2
  exit 1
}

az deployment sub create --subscription "$AZURE_SUBSCRIPTION_ID" --location "$AZURE_LOCATION" \
  --name "access-$FUNCTION_APP_NAME" --template-file "$(dirname "$0")/../access.bicep" --output none --parameters \
  "communicationServiceIds=$ROTATED_RESOURCE_IDS" \
  "keyVaultId=$VAULT_ID" \
  "principalId=$IDENTITY_PRINCIPAL_ID" \
  "functionAppId=$FUNCTION_APP_ID" \
  "keyVaultSystemTopicId=${KEY_VAULT_SYSTEM_TOPIC_ID:-}" \
  "watchSubscriptions=${WATCH_SUBSCRIPTIONS:-true}" \
  "subscriptionSystemTopicIds=${SUBSCRIPTION_SYSTEM_TOPIC_IDS:-}" \
  "deadLetterAccountId=$DEAD_LETTER_ACCOUNT_ID" \
  "deadLetterContainer=$DEAD_LETTER_CONTAINER" \
  "actionGroupId=${ALERT_ACTION_GROUP_ID:-}"
echo "The app has its rights."
