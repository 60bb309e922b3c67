# Gives the app its rights, and makes the system topics. azd runs this after provisioning; to repeat it does no harm.
$ErrorActionPreference = 'Stop'

if (-not $env:IDENTITY_PRINCIPAL_ID) {
    throw 'IDENTITY_PRINCIPAL_ID is not set: run azd provision first'
}
if (-not (Get-Command az -ErrorAction SilentlyContinue)) {
    throw 'The Azure CLI (az) was not found. Install it, run az login, then: azd hooks run postprovision'
}

# the parameters are read from the environment
az deployment sub create --subscription $env:AZURE_SUBSCRIPTION_ID --location $env:AZURE_LOCATION `
    --name "access-$env:FUNCTION_APP_NAME" --parameters "$PSScriptRoot/../access.bicepparam" --output none
if ($LASTEXITCODE -ne 0) { throw 'The rights could not be given; the message above says why.' }
Write-Host 'The app has its rights.'
