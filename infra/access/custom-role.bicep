targetScope = 'subscription'

@description('Name of the role, unique in the tenant.')
param name string

@description('What the role is for.')
param summary string

@description('Actions of the control plane.')
param actions array = []

@description('Actions of the data plane.')
param dataActions array = []

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, name)
  properties: {
    roleName: name
    description: summary
    type: 'CustomRole'
    assignableScopes: [
      subscription().id
    ]
    permissions: [
      {
        actions: actions
        notActions: []
        dataActions: dataActions
        notDataActions: []
      }
    ]
  }
}

output id string = role.id
