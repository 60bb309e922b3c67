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

@description('ARM id of the action group that hears of events that were not delivered; empty: nobody.')
param actionGroupId string

// a topic of no region cannot have an identity, and the account of the dead letters takes no keys
// https://learn.microsoft.com/azure/event-grid/enable-identity-system-topics#global-azure-sources
var hasIdentity = location != 'global'

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: hasIdentity ? {
    type: 'SystemAssigned'
  } : null
  properties: {
    source: source
    topicType: topicType
  }
}

module alert '../monitoring/undelivered-alert.bicep' = {
  name: '${name}-alert'
  params: {
    topicName: topic.name
    topicId: topic.id
    topicResourceType: 'Microsoft.EventGrid/systemTopics'
    metricName: hasIdentity ? 'DeadLetteredCount' : 'DroppedEventCount'
    tags: tags
    actionGroupId: actionGroupId
  }
}

output principalId string = hasIdentity ? topic.identity.principalId : ''
