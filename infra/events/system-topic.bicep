@description('Name of the system topic.')
param name string

@description('Region of the source; global for a subscription.')
param location string

@description('Tags.')
param tags object

@description('ARM id of the source.')
param source string

@description('Type of the source, in the words of Event Grid.')
param topicType string

@description('ARM id of the action group that hears of dead letters; empty: nobody.')
param actionGroupId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  // writes the dead letters
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: source
    topicType: topicType
  }
}

module alert '../monitoring/dead-letter-alert.bicep' = {
  name: '${name}-alert'
  params: {
    topicName: topic.name
    topicId: topic.id
    topicResourceType: 'Microsoft.EventGrid/systemTopics'
    tags: tags
    actionGroupId: actionGroupId
  }
}

output principalId string = topic.identity.principalId
