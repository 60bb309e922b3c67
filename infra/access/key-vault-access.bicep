@description('Name of the Key Vault.')
param vaultName string

@description('ARM id of the role.')
param roleDefinitionId string

@description('Object id of the identity that gets it.')
param principalId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, roleDefinitionId)
  scope: vault
  properties: {
    roleDefinitionId: roleDefinitionId
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

output vaultLocation string = vault.location
