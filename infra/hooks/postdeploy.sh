#!/bin/sh
# Subscribes the app to its events. azd runs this after each deployment of the code; to repeat it does no harm.
set -eu

: "${EVENTS_FUNCTION_APP_ID:?is not set: run azd provision first}"
: "${EVENTS_KEY_VAULT_TOPIC_ID:?is not set: run azd provision first}"
command -v az >/dev/null || {
  echo "The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postdeploy" >&2
  exit 1
}

# Event Grid refuses a subscription to a function that is not listed yet, which takes a while after a deployment
attempt=1
until az functionapp function show --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" \
  --name "$FUNCTION_APP_NAME" --function-name on_event --output none; do
  if [ "$attempt" -ge 20 ]; then
    echo "The function on_event is not there. Look at the log of $FUNCTION_APP_NAME, then: azd hooks run postdeploy" >&2
    exit 1
  fi
  echo "Waiting for the function on_event ($attempt of 20) ..."
  attempt=$((attempt + 1))
  sleep "${EVENTS_WAIT_SECONDS:-15}"
done

az deployment sub create --subscription "$AZURE_SUBSCRIPTION_ID" --location "$AZURE_LOCATION" \
  --name "events-$FUNCTION_APP_NAME" --template-file "$(dirname "$0")/../events.bicep" --output none --parameters \
  "functionAppId=$EVENTS_FUNCTION_APP_ID" \
  "keyVaultTopicId=$EVENTS_KEY_VAULT_TOPIC_ID" \
  "subscriptionTopicIds=${EVENTS_SUBSCRIPTION_TOPIC_IDS:-}" \
  "customTopicId=${EVENTS_CUSTOM_TOPIC_ID:-}" \
  "ownTopicIds=${EVENTS_OWN_TOPIC_IDS:-}" \
  "deadLetterAccountId=$EVENTS_DEAD_LETTER_ACCOUNT_ID" \
  "deadLetterContainer=$EVENTS_DEAD_LETTER_CONTAINER"
echo "The app is subscribed to its events."
