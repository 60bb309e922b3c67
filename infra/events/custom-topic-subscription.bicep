@description('Name of the custom topic, in this resource group.')
param topicName string

@description('Name of the event subscription, unique on the topic.')
param name string

@description('ARM id of the function that the events go to.')
param functionId string

@description('The types of the events that are wanted.')
param eventTypes array

@description('ARM id of the storage account that takes the dead letters, by the identity of the topic.')
param deadLetterAccountId string

@description('Name of the container of the dead letters.')
param deadLetterContainer string

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource eventSubscription 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  properties: {
    // what is published as a CloudEvent can be delivered as one only
    eventDeliverySchema: 'CloudEventSchemaV1_0'
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
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
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
