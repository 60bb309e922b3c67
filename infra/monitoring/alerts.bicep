@description('What the names of the alerts begin with.')
param namePrefix string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('ARM id of the Log Analytics workspace that is queried.')
param workspaceId string

@description('E-mail address that is told; empty: nobody.')
param email string

// a row is a finding; severity 1 is an error, in Azure Monitor's scale from 0 (critical) to 4
var rules = [
  {
    name: 'failed-rotations'
    title: 'A key rotation failed'
    text: 'A rotation of a Communication Services key failed. docs/operations.md says what each error means.'
    query: loadTextContent('../queries/failed-rotations.kql')
    window: 'PT1H'
    lookback: null
  }
  {
    name: 'overdue-revocations'
    title: 'An old key is still alive after its grace period'
    text: 'A key that was replaced should have been revoked by now. docs/operations.md says how to revoke it.'
    query: loadTextContent('../queries/overdue-revocations.kql')
    window: 'P1D'
    // a log alert looks back two days at most
    lookback: 'P2D'
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${namePrefix}-alerts'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'acs-keys'
    enabled: true
    emailReceivers: [
      {
        name: 'email'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${namePrefix}-${rule.name}'
    location: location
    tags: tags
    properties: {
      displayName: rule.title
      description: rule.text
      severity: 1
      enabled: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: 'PT1H'
      windowSize: rule.window
      overrideQueryTimeRange: rule.lookback
      // the tables are there once the app has sent something
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: empty(email) ? [] : [
          actionGroup.id
        ]
      }
    }
  }
]

output actionGroupId string = empty(email) ? '' : actionGroup.id
