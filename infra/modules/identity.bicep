// The one identity. The host, the application, the deployment storage, Key Vault references and Event Grid's
// dead-lettering all use it, so that there is one list of rights to read.

@description('Name of the user-assigned identity.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id, by which resources use the identity.')
output id string = identity.id

@description('Object id, to which roles are given; it is also the subject of the Entra application\'s federated credential.')
output principalId string = identity.properties.principalId

@description('Client id, by which settings name the identity.')
output clientId string = identity.properties.clientId
