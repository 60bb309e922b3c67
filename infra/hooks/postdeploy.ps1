# Subscribes the app to its events. azd runs this after each deployment of the code; to repeat it does no harm.
$ErrorActionPreference = 'Stop'

if (-not $env:EVENTS_FUNCTION_APP_ID -or -not $env:EVENTS_KEY_VAULT_TOPIC_ID) {
    throw 'EVENTS_FUNCTION_APP_ID is not set: run azd provision first'
}
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    throw 'The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postdeploy'
}
$seconds = if ($env:EVENTS_WAIT_SECONDS) { $env:EVENTS_WAIT_SECONDS } else { 15 }

# Event Grid refuses a subscription to a function that is not listed yet, which takes a while after a deployment
for ($attempt = 1; ; $attempt++) {
    az functionapp function show --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
        --name $env:FUNCTION_APP_NAME --function-name on_event --output none
    if ($LASTEXITCODE -eq 0) { break }
    if ($attempt -ge 20) {
        throw "The function on_event is not there. Look at the log of $env:FUNCTION_APP_NAME, then: azd hooks run postdeploy"
    }
    Write-Host "Waiting for the function on_event ($attempt of 20) ..."
    Start-Sleep -Seconds $seconds
}

az deployment sub create --subscription $env:AZURE_SUBSCRIPTION_ID --location $env:AZURE_LOCATION `
    --name "events-$env:FUNCTION_APP_NAME" --template-file "$PSScriptRoot/../events.bicep" --output none --parameters `
    "functionAppId=$env:EVENTS_FUNCTION_APP_ID" `
    "keyVaultTopicId=$env:EVENTS_KEY_VAULT_TOPIC_ID" `
    "subscriptionTopicIds=$env:EVENTS_SUBSCRIPTION_TOPIC_IDS" `
    "customTopicId=$env:EVENTS_CUSTOM_TOPIC_ID" `
    "ownTopicIds=$env:EVENTS_OWN_TOPIC_IDS" `
    "deadLetterAccountId=$env:EVENTS_DEAD_LETTER_ACCOUNT_ID" `
    "deadLetterContainer=$env:EVENTS_DEAD_LETTER_CONTAINER"
if ($LASTEXITCODE -ne 0) { throw 'The event subscriptions could not be made; the message above says why.' }
Write-Host 'The app is subscribed to its events.'
