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
    --query "properties.outputs.$1.value" --output tsv
}

# what the hook of provisioning has made
key_vault_topic=$(made keyVaultTopicId)
subscription_topics=$(made subscriptionTopicIds)
dead_letter_topic=$(made deadLetterTopicId)

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
  "functionAppId=$FUNCTION_APP_ID" \
  "keyVaultTopicId=$key_vault_topic" \
  "subscriptionTopicIds=$subscription_topics" \
  "customTopicId=${CUSTOM_TOPIC_ID:-}" \
  "deadLetterTopicId=$dead_letter_topic" \
  "deadLetterAccountId=$DEAD_LETTER_ACCOUNT_ID" \
  "deadLetterContainer=$DEAD_LETTER_CONTAINER"
echo "The app is subscribed to its events."
