targetScope = 'subscription'

metadata name = 'ACS key rotation: access'
metadata description = 'What the app needs in the resource groups and subscriptions of others: rights on the Communication Services resources and on the Key Vault, and the system topics that tell of them. It is deployed by a hook and not by azd, for azd down deletes whole every resource group that a deployment of azd has touched.'

@minLength(1)
@description('ARM ids of the Communication Services resources, separated by commas.')
param communicationServiceIds string

@minLength(1)
@description('ARM id of the Key Vault.')
param keyVaultId string

@minLength(1)
@description('Object id of the identity that the app works with.')
param principalId string

@minLength(1)
@description('ARM id of the function app; system topics of its own subscription lie in its group.')
param functionAppId string

@description('ARM id of the existing system topic of the Key Vault, if it has one; empty: one is made.')
param keyVaultSystemTopicId string = ''

@allowed(['true', 'false'])
@description('Whether the app hears of keys that others regenerate: a system topic on each subscription that holds a resource.')
param watchSubscriptions string = 'true'

@description('ARM ids of existing system topics of those subscriptions, separated by commas; for the others, one is made.')
param subscriptionSystemTopicIds string = ''

@minLength(1)
@description('ARM id of the storage account that takes the dead letters.')
param deadLetterAccountId string

@minLength(1)
@description('Name of the container of the dead letters.')
param deadLetterContainer string

@description('ARM id of the action group that hears of events that were not delivered; empty: nobody.')
param actionGroupId string = ''

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

var app = split(functionAppId, '/')
var appSubscription = toLower(app[2])
var appName = app[8]
var tags = { 'acs-key-rotation': appName }

// each once, however often and in whatever case it is named: modules that are named after them may not be there twice
var resourceIds = union(filter(map(split(communicationServiceIds, ','), id => toLower(trim(id))), id => !empty(id)), [])
var subscriptionIds = union(map(resourceIds, id => toLower(split(id, '/')[2])), [])
var vault = split(keyVaultId, '/')

// Event Grid makes a system topic in the subscription of its source only
var systemTopicPath = 'providers/Microsoft.EventGrid/systemTopics'
var vaultTopicName = '${appName}-vault'
var newVaultTopicId = '/subscriptions/${vault[2]}/resourceGroups/${vault[4]}/${systemTopicPath}/${vaultTopicName}'

var givenTopicIds = filter(map(split(subscriptionSystemTopicIds, ','), id => trim(id)), id => watchSubscriptions == 'true' && !empty(id))
var givenTopicSubscriptions = map(givenTopicIds, id => toLower(split(id, '/')[2]))
var topiclessSubscriptions = filter(subscriptionIds, id => watchSubscriptions == 'true' && !contains(givenTopicSubscriptions, id))
var subscriptionTopicName = '${appName}-subscription'
// in another subscription the topic lies beside the first of its resources, for there is a group
var newSubscriptionTopics = map(topiclessSubscriptions, id => {
  subscription: id
  group: id == appSubscription ? app[4] : split(filter(resourceIds, it => toLower(split(it, '/')[2]) == id)[0], '/')[4]
})
var newSubscriptionTopicIds = map(newSubscriptionTopics, it => '/subscriptions/${it.subscription}/resourceGroups/${it.group}/${systemTopicPath}/${subscriptionTopicName}')

module vaultRole 'access/custom-role.bicep' = {
  name: '${appName}-role-secrets'
  scope: subscription(vault[2])
  params: {
    name: 'ACS key rotation ${appName}: secrets'
    summary: 'Read, list, set and update secrets, and never delete them.'
    dataActions: secretActions
  }
}

module vaultAccess 'access/key-vault-access.bicep' = {
  name: '${appName}-access-secrets'
  scope: resourceGroup(vault[2], vault[4])
  params: {
    vaultName: vault[8]
    roleDefinitionId: vaultRole.outputs.id
    principalId: principalId
  }
}

// a role's name is unique in the tenant, and so is its id: one definition a subscription, each assignable there alone
module communicationRoles 'access/custom-role.bicep' = [
  for id in subscriptionIds: {
    name: '${appName}-role-keys-${uniqueString(id)}'
    scope: subscription(id)
    params: {
      name: 'ACS key rotation ${appName}: keys in ${id}'
      summary: 'Read Communication Services resources, and list and regenerate their keys.'
      actions: communicationActions
    }
  }
]

module communicationAccess 'access/communication-access.bicep' = [
  for id in resourceIds: {
    name: '${appName}-access-keys-${uniqueString(toLower(id))}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      communicationServiceName: split(id, '/')[8]
      roleDefinitionId: communicationRoles[indexOf(subscriptionIds, toLower(split(id, '/')[2]))].outputs.id
      principalId: principalId
    }
  }
]

module vaultTopic 'events/system-topic.bicep' = if (empty(keyVaultSystemTopicId)) {
  name: vaultTopicName
  scope: resourceGroup(vault[2], vault[4])
  params: {
    name: vaultTopicName
    location: vaultAccess.outputs.vaultLocation
    tags: tags
    source: keyVaultId
    topicType: 'Microsoft.KeyVault.vaults'
    actionGroupId: actionGroupId
  }
}

module subscriptionTopics 'events/system-topic.bicep' = [
  for topic in newSubscriptionTopics: {
    name: '${subscriptionTopicName}-${uniqueString(topic.subscription)}'
    scope: resourceGroup(topic.subscription, topic.group)
    params: {
      name: subscriptionTopicName
      location: 'global'
      tags: tags
      source: '/subscriptions/${topic.subscription}'
      topicType: 'Microsoft.Resources.Subscriptions'
      actionGroupId: actionGroupId
    }
  }
]

module vaultTopicDeadLetters 'events/dead-letter-access.bicep' = if (empty(keyVaultSystemTopicId)) {
  name: '${appName}-dead-letters-vault'
  scope: resourceGroup(app[2], app[4])
  params: {
    storageAccountName: split(deadLetterAccountId, '/')[8]
    containerName: deadLetterContainer
    principalId: empty(keyVaultSystemTopicId) ? vaultTopic!.outputs.principalId : ''
  }
}

// what events.bicep needs
output keyVaultTopicId string = empty(keyVaultSystemTopicId) ? newVaultTopicId : keyVaultSystemTopicId
output subscriptionTopicIds string = join(concat(givenTopicIds, newSubscriptionTopicIds), ',')
output deadLetterTopicId string = empty(keyVaultSystemTopicId) ? newVaultTopicId : ''
