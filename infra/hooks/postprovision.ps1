# Gives the app its rights, and makes the system topics. azd runs this after provisioning; to repeat it does no harm.
$ErrorActionPreference = 'Stop'

if (-not $env:IDENTITY_PRINCIPAL_ID) {
    throw 'IDENTITY_PRINCIPAL_ID is not set: run azd provision first'
}
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    throw 'The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postprovision'
}
$watch = if ($env:WATCH_SUBSCRIPTIONS) { $env:WATCH_SUBSCRIPTIONS } else { 'true' }

az deployment sub create --subscription $env:AZURE_SUBSCRIPTION_ID --location $env:AZURE_LOCATION `
    --name "access-$env:FUNCTION_APP_NAME" --template-file "$PSScriptRoot/../access.bicep" --output none --parameters `
    "communicationServiceIds=$env:ROTATED_RESOURCE_IDS" `
    "keyVaultId=$env:VAULT_ID" `
    "principalId=$env:IDENTITY_PRINCIPAL_ID" `
    "functionAppId=$env:FUNCTION_APP_ID" `
    "keyVaultSystemTopicId=$env:KEY_VAULT_SYSTEM_TOPIC_ID" `
    "watchSubscriptions=$watch" `
    "subscriptionSystemTopicIds=$env:SUBSCRIPTION_SYSTEM_TOPIC_IDS" `
    "deadLetterAccountId=$env:DEAD_LETTER_ACCOUNT_ID" `
    "deadLetterContainer=$env:DEAD_LETTER_CONTAINER" `
    "actionGroupId=$env:ALERT_ACTION_GROUP_ID"
if ($LASTEXITCODE -ne 0) { throw 'The rights could not be given; the message above says why.' }
Write-Host 'The app has its rights.'
