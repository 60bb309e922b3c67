targetScope = 'subscription'

metadata name = 'ACS key rotation: events'
metadata description = 'The event subscriptions, once the code is deployed: Event Grid checks that the function is there. A hook deploys it.'

@minLength(1)
@description('ARM id of the function app.')
param functionAppId string

@minLength(1)
@description('ARM id of the system topic of the Key Vault.')
param keyVaultTopicId string

@description('ARM ids of the system topics of the subscriptions, separated by commas; empty: none.')
param subscriptionTopicIds string = ''

@description('ARM id of the custom topic; empty: none.')
param customTopicId string = ''

@description('ARM id of the one system topic that may write dead letters: that of the Key Vault, if access.bicep has made it; empty: none.')
param deadLetterTopicId string = ''

@minLength(1)
@description('ARM id of the storage account that takes the dead letters.')
param deadLetterAccountId string

@minLength(1)
@description('Name of the container of the dead letters.')
param deadLetterContainer string

var functionId = '${functionAppId}/functions/on_event'
// a topic may have subscriptions of several such apps
var name = split(functionAppId, '/')[8]
var subscriptionTopics = filter(split(subscriptionTopicIds, ','), id => !empty(id))

module expiry 'events/system-topic-subscription.bicep' = {
  name: '${name}-expiry'
  scope: resourceGroup(split(keyVaultTopicId, '/')[2], split(keyVaultTopicId, '/')[4])
  params: {
    topicName: split(keyVaultTopicId, '/')[8]
    name: name
    functionId: functionId
    eventTypes: [
      'Microsoft.KeyVault.SecretNearExpiry'
      'Microsoft.KeyVault.SecretExpired'
    ]
    deadLetterAccountId: deadLetterTopicId == keyVaultTopicId ? deadLetterAccountId : ''
    deadLetterContainer: deadLetterContainer
  }
}

module regenerations 'events/system-topic-subscription.bicep' = [
  for id in subscriptionTopics: {
    name: '${name}-regenerations-${uniqueString(id)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      topicName: split(id, '/')[8]
      name: name
      functionId: functionId
      eventTypes: [
        'Microsoft.Resources.ResourceActionSuccess'
      ]
      // a subscription tells of every POST to every resource
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.operationName'
          values: [
            'Microsoft.Communication/communicationServices/regenerateKey/action'
          ]
        }
      ]
    }
  }
]

module requests 'events/custom-topic-subscription.bicep' = if (!empty(customTopicId)) {
  name: '${name}-requests'
  scope: resourceGroup(split(functionAppId, '/')[2], split(functionAppId, '/')[4])
  params: {
    topicName: empty(customTopicId) ? '-' : split(customTopicId, '/')[8]
    name: name
    functionId: functionId
    eventTypes: [
      'CommunicationKey.RotateRequested'
      'CommunicationKey.RegenerateRequested'
    ]
    deadLetterAccountId: deadLetterAccountId
    deadLetterContainer: deadLetterContainer
  }
}
