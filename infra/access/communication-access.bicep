@description('Name of the Communication Services resource.')
param communicationServiceName string

@description('ARM id of the role.')
param roleDefinitionId string

@description('Object id of the identity that gets it.')
param principalId string

resource communicationService 'Microsoft.Communication/communicationServices@2023-04-01' existing = {
  name: communicationServiceName
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(communicationService.id, principalId, roleDefinitionId)
  scope: communicationService
  properties: {
    roleDefinitionId: roleDefinitionId
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
