@description('Name of the system topic, in this resource group.')
param topicName string

@description('Name of the event subscription, unique on the topic.')
param name string

@description('ARM id of the function that the events go to.')
param functionId string

@description('The types of the events that are wanted.')
param eventTypes array

@description('Advanced filters.')
param advancedFilters array = []

@description('ARM id of the storage account that takes the dead letters, by the identity of the topic; empty: none.')
param deadLetterAccountId string = ''

@description('Name of the container of the dead letters.')
param deadLetterContainer string = ''

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource eventSubscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: functionId
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: eventTypes
      advancedFilters: advancedFilters
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: empty(deadLetterAccountId) ? null : {
      identity: {
        type: 'SystemAssigned'
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: deadLetterAccountId
          blobContainerName: deadLetterContainer
        }
      }
    }
  }
}
