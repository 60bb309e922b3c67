@description('Name of the private endpoint.')
param name string

@description('Region, that of the virtual network.')
param location string

@description('Tags.')
param tags object

@description('ARM id of the resource behind the endpoint.')
param resourceId string

@description('Which of its services: blob, queue, table or vault.')
param service string

@description('Name of the private DNS zone of that service.')
param zoneName string

@description('ARM id of the virtual network whose names the zone answers.')
param networkId string

@description('ARM id of the subnet that the endpoint is in.')
param subnetId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: resourceId
          groupIds: [
            service
          ]
        }
      }
    ]
  }

  resource zoneGroup 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: service
          properties: {
            privateDnsZoneId: zone.id
          }
        }
      ]
    }
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zoneName
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: uniqueString(networkId)
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
}
