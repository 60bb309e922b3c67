@description('Name of the custom topic.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Object id of the identity that may publish: the app tells what it did.')
param senderPrincipalId string

@description('ARM id of the action group that hears of events that were not delivered; empty: nobody.')
param actionGroupId string

var eventGridDataSender = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  // writes the dead letters
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(topic.id, senderPrincipalId, eventGridDataSender)
  scope: topic
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventGridDataSender)
    principalId: senderPrincipalId
    principalType: 'ServicePrincipal'
  }
}

module alert '../monitoring/undelivered-alert.bicep' = {
  name: '${name}-alert'
  params: {
    topicName: topic.name
    topicId: topic.id
    topicResourceType: 'Microsoft.EventGrid/topics'
    metricName: 'DeadLetteredCount'
    tags: tags
    actionGroupId: actionGroupId
  }
}

output id string = topic.id
output endpoint string = topic.properties.endpoint
output principalId string = topic.identity.principalId
