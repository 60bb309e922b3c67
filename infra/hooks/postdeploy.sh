#!/bin/sh
# Subscribes the app to its events. azd runs this after each deployment of the code; to repeat it does no harm.
set -eu

: "${FUNCTION_APP_ID:?is not set: run azd provision first}"
command -v az >/dev/null || {
  echo "The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postdeploy" >&2
  exit 1
}

made() {
  az deployment sub show --subscription "$AZURE_SUBSCRIPTION_ID" --name "access-$FUNCTION_APP_NAME" \
    --query "properties.outputs.$1.value" --output tsv || {
    echo "The rights and topics are not there. First: azd hooks run postprovision" >&2
    exit 1
  }
}

# what the hook of provisioning has made
KEY_VAULT_TOPIC_ID=$(made keyVaultTopicId)
SUBSCRIPTION_TOPIC_IDS=$(made subscriptionTopicIds)
DEAD_LETTER_TOPIC_ID=$(made deadLetterTopicId)
export KEY_VAULT_TOPIC_ID SUBSCRIPTION_TOPIC_IDS DEAD_LETTER_TOPIC_ID

# Event Grid refuses a subscription to a function that is not listed yet, which takes a while after a deployment, and on Flex
# Consumption sometimes until somebody asks for it, as the portal's Refresh does
attempt=1
until az functionapp function show --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
  --name "$FUNCTION_APP_NAME" --function-name on_event --output none; do
  if [ "$attempt" -ge 20 ]; then
    echo "The function on_event is not there. Look at the log of $FUNCTION_APP_NAME, then: azd hooks run postdeploy" >&2
    exit 1
  fi
  echo "Waiting for the function on_event ($attempt of 20) ..."
  az rest --method post --url "$FUNCTION_APP_ID/host/default/sync?api-version=2024-04-01" --output none || true
  attempt=$((attempt + 1))
  sleep "${EVENTS_WAIT_SECONDS:-15}"
done

# the parameters are read from the environment
az deployment sub create --subscription "$AZURE_SUBSCRIPTION_ID" --location "$AZURE_LOCATION" \
  --name "events-$FUNCTION_APP_NAME" --parameters "$(dirname "$0")/../events.bicepparam" --output none
echo "The app is subscribed to its events."
