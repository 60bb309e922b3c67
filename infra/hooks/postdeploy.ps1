# Subscribes the app to its events. azd runs this after each deployment of the code; to repeat it does no harm.
$ErrorActionPreference = 'Stop'

if (-not $env:FUNCTION_APP_ID) {
    throw 'FUNCTION_APP_ID is not set: run azd provision first'
}
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    throw 'The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postdeploy'
}
$seconds = if ($env:EVENTS_WAIT_SECONDS) { $env:EVENTS_WAIT_SECONDS } else { 15 }

function Get-Made([string] $name) {
    $value = az deployment sub show --subscription $env:AZURE_SUBSCRIPTION_ID --name "access-$env:FUNCTION_APP_NAME" `
        --query "properties.outputs.$name.value" --output tsv
    if ($LASTEXITCODE -ne 0) { throw 'The rights and topics are not there. First: azd hooks run postprovision' }
    return $value
}

# what the hook of provisioning has made
$env:KEY_VAULT_TOPIC_ID = Get-Made keyVaultTopicId
$env:SUBSCRIPTION_TOPIC_IDS = Get-Made subscriptionTopicIds
$env:DEAD_LETTER_TOPIC_ID = Get-Made deadLetterTopicId

# Event Grid refuses a subscription to a function that is not listed yet, which takes a while after a deployment, and on Flex
# Consumption sometimes until somebody asks for it, as the portal's Refresh does
for ($attempt = 1; ; $attempt++) {
    az functionapp function show --subscription $env:AZURE_SUBSCRIPTION_ID --resource-group $env:AZURE_RESOURCE_GROUP `
        --name $env:FUNCTION_APP_NAME --function-name on_event --output none
    if ($LASTEXITCODE -eq 0) { break }
    if ($attempt -ge 20) {
        throw "The function on_event is not there. Look at the log of $env:FUNCTION_APP_NAME, then: azd hooks run postdeploy"
    }
    Write-Host "Waiting for the function on_event ($attempt of 20) ..."
    az rest --method post --url "$env:FUNCTION_APP_ID/host/default/sync?api-version=2024-04-01" --output none
    Start-Sleep -Seconds $seconds
}

# the parameters are read from the environment
az deployment sub create --subscription $env:AZURE_SUBSCRIPTION_ID --location $env:AZURE_LOCATION `
    --name "events-$env:FUNCTION_APP_NAME" --parameters "$PSScriptRoot/../events.bicepparam" --output none
if ($LASTEXITCODE -ne 0) { throw 'The event subscriptions could not be made; the message above says why.' }
Write-Host 'The app is subscribed to its events.'
