@description('Name of the virtual network.')
param networkName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Address space, at least a /24.')
param addressPrefix string

@description('ARM id of the storage account.')
param storageAccountId string

@description('ARM id of the Key Vault.')
param vaultId string

module network 'network.bicep' = {
  name: 'network'
  params: {
    name: networkName
    location: location
    tags: tags
    addressPrefix: addressPrefix
  }
}

module storageEndpoints 'private-endpoint.bicep' = [
  for service in ['blob', 'queue', 'table']: {
    name: 'private-endpoint-${service}'
    params: {
      name: 'pe-${split(storageAccountId, '/')[8]}-${service}'
      location: location
      tags: tags
      resourceId: storageAccountId
      service: service
      zoneName: 'privatelink.${service}.${environment().suffixes.storage}'
      networkId: network.outputs.id
      subnetId: network.outputs.endpointSubnetId
    }
  }
]

module vaultEndpoint 'private-endpoint.bicep' = {
  name: 'private-endpoint-vault'
  params: {
    name: 'pe-${split(vaultId, '/')[8]}'
    location: location
    tags: tags
    resourceId: vaultId
    service: 'vault'
    zoneName: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
    networkId: network.outputs.id
    subnetId: network.outputs.endpointSubnetId
  }
}

output appSubnetId string = network.outputs.appSubnetId
