targetScope = 'subscription'

metadata name = 'ACS key rotation'
metadata description = 'The function app that rotates the access keys of Communication Services resources, and all it needs.'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; names and tags are made from it.')
param environmentName string

@minLength(1)
@description('Region of everything that is made here.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@minLength(1)
@description('ARM ids of the Communication Services resources whose keys are rotated, separated by commas. The first one is the default resource of requests that name none. They may be in other resource groups and subscriptions of the tenant.')
param communicationServiceIds string

@description('Name of the resource group; empty: rg-{environmentName}.')
param resourceGroupName string = ''

@description('ARM id of an existing Key Vault that uses Azure RBAC, in any subscription of the tenant; empty: one is made.')
param keyVaultId string = ''

@description('Name of the Key Vault that is made; empty: one is derived. It is not used with keyVaultId.')
param keyVaultName string = ''

@description('Whether the Key Vault by that name is soft-deleted, and is to be recovered rather than made.')
param keyVaultRecover bool = false

@description('Whether there is a custom topic (CloudEvents 1.0), to which the app tells what it did and from which it takes requests.')
param customTopicEnabled bool = false

@description('Whether the app reaches its storage and the Key Vault through private endpoints in a virtual network.')
param vnetEnabled bool = false

@description('Address space of the virtual network, at least a /24; only with vnetEnabled.')
param vnetAddressPrefix string = '10.0.0.0/23'

@minValue(1)
@maxValue(1000)
@description('Upper bound of the instances that the app scales out to.')
param maximumInstanceCount int = 40

@allowed([512, 2048, 4096])
@description('Memory of an instance in MB.')
param instanceMemoryMB int = 2048

@minValue(0)
@description('Number of instances that are always ready for HTTP and, as many, for Durable Functions. They cost money when idle; 0: none.')
param alwaysReadyInstances int = 0

@minValue(30)
@maxValue(730)
@description('For how many days logs are kept.')
param logRetentionDays int = 90

@description('E-mail address that alerts are sent to; empty: they are raised, and nobody is told.')
param alertEmail string = ''

@description('Setting ROTATION_GRACE_PERIOD; empty: the default of the app.')
param rotationGracePeriod string = ''

@description('Setting ROTATION_VALIDITY_DAYS; empty: the default of the app.')
param rotationValidityDays string = ''

@description('Setting ROTATION_RETENTION_DAYS; empty: the default of the app.')
param rotationRetentionDays string = ''

@description('Setting RECONCILE_SCHEDULE; empty: the default of the app.')
param reconcileSchedule string = ''

@description('Setting REQUEST_DEADLINE_SECONDS; empty: the default of the app.')
param requestDeadlineSeconds string = ''

@description('Setting REQUIRED_APP_ROLES; it needs App Service authentication, which is not made here. Empty: none.')
param requiredAppRoles string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var functionAppName = 'func-${token}'
var storageAccountName = 'st${token}'

// azd keeps text alone in its environments, hence lists as text
var resourceIds = filter(map(split(communicationServiceIds, ','), id => trim(id)), id => !empty(id))

// azd down deletes every resource group that its deployment has touched, whole. So this template touches its own alone,
// in which nothing else may be; what has to be in others is in access.bicep, of which azd knows nothing.
var ownGroup = empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
var othersGroups = map(concat(resourceIds, empty(keyVaultId) ? [] : [keyVaultId]), id => toLower('${split(id, '/')[2]}/${split(id, '/')[4]}'))
var groupName = contains(othersGroups, toLower('${subscription().subscriptionId}/${ownGroup}'))
  ? fail('The resource group ${ownGroup} holds a resource of yours, and azd down would delete it. Name another group.')
  : ownGroup

var vaultName = !empty(keyVaultId) ? split(keyVaultId, '/')[8] : !empty(keyVaultName) ? keyVaultName : 'kv-${token}'
var vaultResourceId = !empty(keyVaultId) ? keyVaultId : '${subscription().id}/resourceGroups/${groupName}/providers/Microsoft.KeyVault/vaults/${vaultName}'
var vaultUrl = 'https://${vaultName}${environment().suffixes.keyvaultDns}'

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: groupName
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: storageAccountName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    isPrivate: vnetEnabled
  }
}

module monitoring 'monitoring/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    applicationInsightsName: 'appi-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    principalId: identity.outputs.principalId
  }
}

module vault 'app/key-vault.bicep' = if (empty(keyVaultId)) {
  name: 'key-vault'
  scope: group
  params: {
    name: vaultName
    location: location
    tags: tags
    recover: keyVaultRecover
    isPrivate: vnetEnabled
    workspaceId: monitoring.outputs.workspaceId
  }
}

module privateAccess 'network/private-access.bicep' = if (vnetEnabled) {
  name: 'private-access'
  scope: group
  params: {
    networkName: 'vnet-${token}'
    location: location
    tags: tags
    addressPrefix: vnetAddressPrefix
    storageAccountId: storage.outputs.id
    vaultId: vaultResourceId
  }
  dependsOn: [
    vault
  ]
}

module customTopic 'events/custom-topic.bicep' = if (customTopicEnabled) {
  name: 'custom-topic'
  scope: group
  params: {
    name: 'evgt-${token}'
    location: location
    tags: tags
    senderPrincipalId: identity.outputs.principalId
    actionGroupId: alerts.outputs.actionGroupId
  }
}

module customTopicDeadLetters 'events/dead-letter-access.bicep' = if (customTopicEnabled) {
  name: 'dead-letters-custom-topic'
  scope: group
  params: {
    storageAccountName: storage.outputs.name
    containerName: storage.outputs.deadLetterContainerName
    principalId: customTopicEnabled ? customTopic!.outputs.principalId : ''
  }
}

module alerts 'monitoring/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    namePrefix: functionAppName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module functionApp 'app/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: functionAppName
    planName: 'plan-${token}'
    location: location
    // azd finds by this tag where the code goes
    tags: union(tags, { 'azd-service-name': 'app' })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    packageContainerName: storage.outputs.packageContainerName
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    // the app starts as soon as it is there, and then reaches its storage and the vault: the endpoints are there by now
    subnetId: vnetEnabled ? privateAccess!.outputs.appSubnetId : ''
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    alwaysReadyInstances: alwaysReadyInstances
    settings: {
      COMMUNICATION_SERVICE_ID: resourceIds[0]
      ALLOWED_COMMUNICATION_SERVICES: join(resourceIds, ',')
      ARM_ENDPOINT: environment().resourceManager
      KEY_VAULT_URL: vaultUrl
    }
    optionalSettings: {
      EVENT_GRID_TOPIC_ENDPOINT: customTopicEnabled ? customTopic!.outputs.endpoint : ''
      ROTATION_GRACE_PERIOD: rotationGracePeriod
      ROTATION_VALIDITY_DAYS: rotationValidityDays
      ROTATION_RETENTION_DAYS: rotationRetentionDays
      RECONCILE_SCHEDULE: reconcileSchedule
      REQUEST_DEADLINE_SECONDS: requestDeadlineSeconds
      REQUIRED_APP_ROLES: requiredAppRoles
    }
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_ID string = functionApp.outputs.id
output FUNCTION_APP_NAME string = functionApp.outputs.name
output FUNCTION_APP_URL string = functionApp.outputs.url
// not from the environment, where it is missing if azd has asked for it
output ROTATED_RESOURCE_IDS string = join(resourceIds, ',')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output VAULT_ID string = vaultResourceId
output VAULT_URL string = vaultUrl
output CUSTOM_TOPIC_ID string = customTopicEnabled ? customTopic!.outputs.id : ''
output DEAD_LETTER_ACCOUNT_ID string = storage.outputs.id
output DEAD_LETTER_CONTAINER string = storage.outputs.deadLetterContainerName
output ALERT_ACTION_GROUP_ID string = alerts.outputs.actionGroupId
