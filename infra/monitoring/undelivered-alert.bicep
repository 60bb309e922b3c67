@description('Name of the topic, in this resource group.')
param topicName string

@description('ARM id of the topic.')
param topicId string

@allowed(['Microsoft.EventGrid/systemTopics', 'Microsoft.EventGrid/topics'])
@description('Resource type of the topic.')
param topicResourceType string

@allowed(['DeadLetteredCount', 'DroppedEventCount'])
@description('What is counted: events that were put aside, or, where there is no place for them, lost.')
param metricName string

@description('Tags.')
param tags object

@description('ARM id of the action group that is told; empty: nobody.')
param actionGroupId string

resource alert 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${topicName}-undelivered'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid gave up on an event for the key rotation; docs/deploy.md says what becomes of it.'
    severity: 2
    enabled: true
    scopes: [
      topicId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'undelivered'
          metricNamespace: topicResourceType
          metricName: metricName
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: empty(actionGroupId) ? [] : [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
