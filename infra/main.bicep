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

@description('ARM id of the existing Event Grid system topic of the Key Vault, if it has one; empty: one is made.')
param keyVaultSystemTopicId string = ''

@description('Whether the app hears of keys that others regenerate: a system topic on each subscription that holds a resource.')
param watchSubscriptions bool = true

@description('ARM ids of existing Event Grid system topics of those subscriptions, separated by commas; for the others, one is made.')
param subscriptionSystemTopicIds string = ''

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
var groupName = empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
var functionAppName = 'func-${token}'
var storageAccountName = 'st${token}'

// what the app may do to a Communication Services resource: the actions behind its three calls, and no other
var communicationActions = [
  'Microsoft.Communication/CommunicationServices/Read'
  'Microsoft.Communication/CommunicationServices/ListKeys/action'
  'Microsoft.Communication/CommunicationServices/RegenerateKey/action'
]
// what the app may do to secrets: no delete, purge, backup or restore, which Key Vault Secrets Officer would bring
var secretActions = [
  'Microsoft.KeyVault/vaults/secrets/getSecret/action'
  'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
  'Microsoft.KeyVault/vaults/secrets/setSecret/action'
  'Microsoft.KeyVault/vaults/secrets/update/action'
]

// azd keeps text alone in its environments, hence lists as text
var resourceIds = filter(map(split(communicationServiceIds, ','), id => trim(id)), id => !empty(id))
var subscriptionIds = union(map(resourceIds, id => toLower(split(id, '/')[2])), [])

var vaultName = !empty(keyVaultId) ? split(keyVaultId, '/')[8] : !empty(keyVaultName) ? keyVaultName : 'kv-${token}'
var vaultSubscription = !empty(keyVaultId) ? split(keyVaultId, '/')[2] : subscription().subscriptionId
var vaultGroup = !empty(keyVaultId) ? split(keyVaultId, '/')[4] : groupName
var vaultResourceId = '/subscriptions/${vaultSubscription}/resourceGroups/${vaultGroup}/providers/Microsoft.KeyVault/vaults/${vaultName}'

// Event Grid makes a system topic in the subscription of its source only
var systemTopicPath = 'providers/Microsoft.EventGrid/systemTopics'
var vaultTopicName = 'evgst-${token}-vault'
var newVaultTopicId = '/subscriptions/${vaultSubscription}/resourceGroups/${vaultGroup}/${systemTopicPath}/${vaultTopicName}'
var vaultTopicId = empty(keyVaultSystemTopicId) ? newVaultTopicId : keyVaultSystemTopicId

var givenTopicIds = filter(map(split(subscriptionSystemTopicIds, ','), id => trim(id)), id => !empty(id))
var givenTopicSubscriptions = map(givenTopicIds, id => toLower(split(id, '/')[2]))
var topiclessSubscriptions = filter(subscriptionIds, id => watchSubscriptions && !contains(givenTopicSubscriptions, id))
var subscriptionTopicName = 'evgst-${token}-subscription'
// in another subscription the topic lies beside the first of its resources: there is a group, and the app belongs to it
var newSubscriptionTopics = map(topiclessSubscriptions, id => {
  subscription: id
  group: id == toLower(subscription().subscriptionId) ? groupName : split(filter(resourceIds, it => toLower(split(it, '/')[2]) == id)[0], '/')[4]
})
var newSubscriptionTopicIds = map(newSubscriptionTopics, it => '/subscriptions/${it.subscription}/resourceGroups/${it.group}/${systemTopicPath}/${subscriptionTopicName}')

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

module network 'network/network.bicep' = if (vnetEnabled) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    addressPrefix: vnetAddressPrefix
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

module storageEndpoints 'network/private-endpoint.bicep' = [
  for service in ['blob', 'queue', 'table']: if (vnetEnabled) {
    name: 'private-endpoint-${service}'
    scope: group
    params: {
      name: 'pe-${storageAccountName}-${service}'
      location: location
      tags: tags
      resourceId: storage.outputs.id
      service: service
      zoneName: 'privatelink.${service}.${environment().suffixes.storage}'
      networkId: network!.outputs.id
      subnetId: network!.outputs.endpointSubnetId
    }
  }
]

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

module vaultEndpoint 'network/private-endpoint.bicep' = if (vnetEnabled) {
  name: 'private-endpoint-vault'
  scope: group
  params: {
    name: 'pe-${vaultName}'
    location: location
    tags: tags
    resourceId: vaultResourceId
    service: 'vault'
    zoneName: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
  }
  dependsOn: [
    vault
  ]
}

module vaultRole 'access/custom-role.bicep' = {
  name: 'role-secrets-${token}'
  scope: subscription(vaultSubscription)
  params: {
    name: 'ACS key rotation ${token}: secrets'
    summary: 'Read, list, set and update secrets, and never delete them.'
    dataActions: secretActions
  }
}

module vaultAccess 'access/key-vault-access.bicep' = {
  name: 'access-secrets-${token}'
  scope: resourceGroup(vaultSubscription, vaultGroup)
  params: {
    vaultName: vaultName
    roleDefinitionId: vaultRole.outputs.id
    principalId: identity.outputs.principalId
  }
  dependsOn: [
    vault
  ]
}

// a role's name is unique in the tenant, and so is its id: one definition a subscription, each assignable there alone
module communicationRoles 'access/custom-role.bicep' = [
  for id in subscriptionIds: {
    name: 'role-keys-${uniqueString(token, id)}'
    scope: subscription(id)
    params: {
      name: 'ACS key rotation ${token}: keys in ${id}'
      summary: 'Read Communication Services resources, and list and regenerate their keys.'
      actions: communicationActions
    }
  }
]

module communicationAccess 'access/communication-access.bicep' = [
  for id in resourceIds: {
    name: 'access-keys-${uniqueString(token, toLower(id))}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      communicationServiceName: split(id, '/')[8]
      roleDefinitionId: communicationRoles[indexOf(subscriptionIds, toLower(split(id, '/')[2]))].outputs.id
      principalId: identity.outputs.principalId
    }
  }
]

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

module vaultTopic 'events/system-topic.bicep' = if (empty(keyVaultSystemTopicId)) {
  name: 'topic-vault-${token}'
  scope: resourceGroup(vaultSubscription, vaultGroup)
  params: {
    name: vaultTopicName
    location: vaultAccess.outputs.vaultLocation
    tags: tags
    source: vaultResourceId
    topicType: 'Microsoft.KeyVault.vaults'
    actionGroupId: alerts.outputs.actionGroupId
  }
}

module subscriptionTopics 'events/system-topic.bicep' = [
  for topic in newSubscriptionTopics: {
    name: 'topic-${uniqueString(token, topic.subscription)}'
    scope: resourceGroup(topic.subscription, topic.group)
    params: {
      name: subscriptionTopicName
      location: 'global'
      tags: tags
      source: '/subscriptions/${topic.subscription}'
      topicType: 'Microsoft.Resources.Subscriptions'
      actionGroupId: alerts.outputs.actionGroupId
    }
    // the group may be the one that is made here
    dependsOn: [
      group
    ]
  }
]

module customTopicDeadLetters 'events/dead-letter-access.bicep' = if (customTopicEnabled) {
  name: 'dead-letters-custom-topic'
  scope: group
  params: {
    storageAccountName: storage.outputs.name
    containerName: storage.outputs.deadLetterContainerName
    principalId: customTopic!.outputs.principalId
  }
}

module vaultTopicDeadLetters 'events/dead-letter-access.bicep' = if (empty(keyVaultSystemTopicId)) {
  name: 'dead-letters-vault'
  scope: group
  params: {
    storageAccountName: storage.outputs.name
    containerName: storage.outputs.deadLetterContainerName
    principalId: vaultTopic!.outputs.principalId
  }
}

module subscriptionTopicDeadLetters 'events/dead-letter-access.bicep' = [
  for (topic, index) in newSubscriptionTopics: {
    name: 'dead-letters-${topic.subscription}'
    scope: group
    params: {
      storageAccountName: storage.outputs.name
      containerName: storage.outputs.deadLetterContainerName
      principalId: subscriptionTopics[index].outputs.principalId
    }
  }
]

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
    subnetId: vnetEnabled ? network!.outputs.appSubnetId : ''
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    alwaysReadyInstances: alwaysReadyInstances
    settings: {
      COMMUNICATION_SERVICE_ID: resourceIds[0]
      ALLOWED_COMMUNICATION_SERVICES: join(resourceIds, ',')
      ARM_ENDPOINT: environment().resourceManager
      KEY_VAULT_URL: 'https://${vaultName}${environment().suffixes.keyvaultDns}'
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
  // the app starts as soon as it is there, and then needs what it is to reach
  dependsOn: [
    storageEndpoints
    vaultEndpoint
    vaultAccess
    communicationAccess
  ]
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_NAME string = functionApp.outputs.name
output FUNCTION_APP_URL string = functionApp.outputs.url
output PUBLISHED_KEY_VAULT_URL string = 'https://${vaultName}${environment().suffixes.keyvaultDns}'

// what events.bicep needs, which is deployed once the code is there
output EVENTS_FUNCTION_APP_ID string = functionApp.outputs.id
output EVENTS_DEAD_LETTER_ACCOUNT_ID string = storage.outputs.id
output EVENTS_DEAD_LETTER_CONTAINER string = storage.outputs.deadLetterContainerName
output EVENTS_KEY_VAULT_TOPIC_ID string = vaultTopicId
output EVENTS_SUBSCRIPTION_TOPIC_IDS string = join(concat(givenTopicIds, newSubscriptionTopicIds), ',')
output EVENTS_CUSTOM_TOPIC_ID string = customTopicEnabled ? customTopic!.outputs.id : ''
output EVENTS_OWN_TOPIC_IDS string = join(concat(empty(keyVaultSystemTopicId) ? [newVaultTopicId] : [], newSubscriptionTopicIds), ',')
