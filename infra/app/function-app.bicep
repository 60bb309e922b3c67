@description('Name of the function app.')
param name string

@description('Name of its plan.')
param planName string

@description('Region.')
param location string

@description('Tags of the app.')
param tags object

@description('ARM id of the user-assigned identity that the app works with.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Name of the storage account of the host, of Durable Functions and of the package.')
param storageAccountName string

@description('Name of the container that the code is deployed to.')
param packageContainerName string

@description('Name of the Application Insights component.')
param applicationInsightsName string

@description('ARM id of the subnet that the app is integrated with; empty: none.')
param subnetId string

@description('Upper bound of the instances.')
param maximumInstanceCount int

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Number of instances that are always ready, of each group; 0: none.')
param alwaysReadyInstances int

@description('Settings of the app, by name.')
param settings object

@description('Settings of the app that are left out where they are empty, by name.')
param optionalSettings object

// the groups that instances are kept ready for; an event only starts an orchestration, and may wait
var alwaysReadyGroups = ['http', 'durable']

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageAccountName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    // Flex Consumption refuses properties that other plans take, ftpsState among them (error 51021)
    siteConfig: {
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReadyInstances == 0 ? [] : map(alwaysReadyGroups, group => {
          name: group
          instanceCount: alwaysReadyInstances
        })
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, toObject(filter(items(optionalSettings), setting => !empty(setting.value)), setting => setting.key, setting => setting.value), {
      AZURE_CLIENT_ID: identityClientId
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      // beside the addresses, which alone the host may miss when it starts: https://github.com/Azure/azure-functions-host/issues/11787
      AzureWebJobsStorage__accountName: storage.name
      AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
      APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
      // the app opens its own spans; a start takes less without these
      OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,psycopg2,requests,urllib,urllib3'
    })
  }

  // code is deployed with Microsoft Entra tokens alone; without a location the service has refused these, whatever its
  // description says: https://github.com/Azure/bicep-types-az/issues/1529
  resource ftpCredentials 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    location: location
    properties: {
      allow: false
    }
  }

  resource scmCredentials 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    location: location
    properties: {
      allow: false
    }
  }
}

output id string = app.id
output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
