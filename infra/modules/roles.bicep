// Every right that this deployment gives, to whom and where. tests/infra/test_roles.py lists the requests that need each of
// them, and checks that no further right is given.

@description('Name of the storage account.')
param storageAccountName string

@description('Container that people put files into.')
param attachmentsContainer string

@description('Container of events that could not be delivered.')
param deadLettersContainer string

@description('Name of the key vault.')
param vaultName string

@description('Name of the key in it that the connected accounts are encrypted with.')
param accountsKeyName string

@description('Name of the Application Insights component.')
param componentName string

@description('Object id of the identity that the application runs as.')
param identityPrincipalId string

@description('Object id of the operator; empty = nobody.')
param operatorPrincipalId string

@description('Kind of the operator\'s principal.')
param operatorPrincipalType string

@description('Name of the one secret that the application reads; empty = it reads none.')
param clientSecretName string

@description('trusted or strangers: what senders may do.')
param senderProfile string

@description('Senders who may put files below a prefix only: [{ principalId, prefix, ... }].')
param senderPaths { principalId: string, prefix: string, *: string? }[]

@description('Whether a custom role is made for senders; without one they are Storage Blob Data Contributors of the container.')
param customRole bool

@description('Object ids of the senders.')
param senderPrincipalIds string[]

@description('Kind of the senders\' principals.')
param senderPrincipalType string

// Built-in roles, by the ids that are the same in every tenant.
var roles = {
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  queueContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  queueReader: '19e7f393-937e-4f77-808e-94535e297925'
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  tableReader: '76199698-9eea-4c19-bc75-cec21354c6b6'
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  cryptoServiceEncryptionUser: 'e147488a-f6f5-4113-8e2d-b22465e65bf6'
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  metricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

// Owner, not Contributor: Contributor may neither read nor write blob index tags, and the host requires Owner. On the account,
// Owner also permits to get the key with which the app signs the page's URLs (generateUserDelegationKey), so Storage Blob
// Delegator is not needed.
var identityOnStorage = ['blobOwner', 'queueContributor', 'tableContributor']

// Enough to see where a file is stuck; not enough to change or read files.
var hasOperator = !empty(operatorPrincipalId)
var operatorLooks = ['queueReader', 'tableReader']
var operatorOnStorage = hasOperator ? operatorLooks : []

// A custom role can be given within these scopes; a container cannot be one of them.
var groupScope = array(resourceGroup().id)

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' existing = {
  parent: account
  name: 'default'
}

resource attachments 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' existing = {
  parent: blobs
  name: attachmentsContainer
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' existing = {
  parent: blobs
  name: deadLettersContainer
}

resource clientSecret 'Microsoft.KeyVault/vaults/secrets@2026-05-15' existing = if (!empty(clientSecretName)) {
  parent: vault
  name: empty(clientSecretName) ? 'none' : clientSecretName
}

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

resource accountsKey 'Microsoft.KeyVault/vaults/keys@2026-05-15' existing = {
  parent: vault
  name: accountsKeyName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

var blobAction = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
// With either role, senders can write files, and cannot read, list or delete any. The built-in Contributor is both too much
// (it may read and delete) and too little (it may not read tags). With `write`, strangers could also edit and overwrite.
var trustedActions = ['${blobAction}/write', '${blobAction}/tags/read', '${blobAction}/filter/action']
var senderActions = senderProfile == 'trusted' ? trustedActions : ['${blobAction}/add/action']

resource sender 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (customRole) {
  name: guid(resourceGroup().id, 'todo-attach-sender')
  properties: {
    roleName: 'todo-attach-sender-${storageAccountName}'
    description: senderProfile == 'trusted'
      ? 'Put files into the container of todo-attach, and read and find by the tags that tell the outcome.'
      : 'Create files in the container of todo-attach.'
    type: 'CustomRole'
    assignableScopes: groupScope
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: senderActions
        notDataActions: []
      }
    ]
  }
}

// The same for all sender profiles: the operator overwrites the deployment's test file, and reads its tags.
resource operator 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (customRole && hasOperator) {
  name: guid(resourceGroup().id, 'todo-attach-operator')
  properties: {
    roleName: 'todo-attach-operator-${storageAccountName}'
    description: 'Put files into the container of todo-attach, and read and find by the tags that tell the outcome.'
    type: 'CustomRole'
    assignableScopes: groupScope
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: trustedActions
        notDataActions: []
      }
    ]
  }
}

// Without a custom role it is Storage Blob Data Owner, the only built-in role that may read tags.
var operatorRoleId = customRole
  ? operator.id
  : subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobOwner)
var senderRoleId = customRole
  ? sender.id
  : subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobContributor)
// Every operation on a blob by its name is limited to the prefix. A search by tags is for the whole container: the request
// has no path, so the condition fails, and Azure refuses it.
var conditioned = map(
  concat(['write', 'add/action', 'tags/read', 'filter/action'], customRole ? [] : ['read', 'delete', 'move/action']),
  action => '!(ActionMatches{\'${blobAction}/${action}\'})'
)

resource identityStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in identityOnStorage: {
    name: guid(account.id, identityPrincipalId, roles[role])
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource identitySecret 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(clientSecretName)) {
  name: guid(clientSecret.id, identityPrincipalId, roles.secretsUser)
  scope: clientSecret
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// The identity may read the public half of the one key, wrap and unwrap with it, and nothing else: it cannot disable the key,
// back it up or sign with it. The key never leaves the vault, and its own list of operations (keyOps) permits no more.
resource identityKeys 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(accountsKey.id, identityPrincipalId, roles.cryptoServiceEncryptionUser)
  scope: accountsKey
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.cryptoServiceEncryptionUser
    )
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource identityTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, identityPrincipalId, roles.metricsPublisher)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metricsPublisher)
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource operatorStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in operatorOnStorage: {
    name: guid(account.id, operatorPrincipalId, roles[role])
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
      principalId: operatorPrincipalId
      principalType: operatorPrincipalType
    }
  }
]

resource operatorDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOperator) {
  name: guid(deadLetters.id, operatorPrincipalId, roles.blobReader)
  scope: deadLetters
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobReader)
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}

resource operatorVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOperator) {
  name: guid(vault.id, operatorPrincipalId, roles.secretsOfficer)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsOfficer)
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}

resource operatorSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOperator) {
  name: guid(attachments.id, operatorPrincipalId, operatorRoleId)
  scope: attachments
  properties: {
    roleDefinitionId: operatorRoleId
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
  }
}

resource senders 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in senderPrincipalIds: {
    name: guid(attachments.id, principalId, senderRoleId)
    scope: attachments
    properties: {
      roleDefinitionId: senderRoleId
      principalId: principalId
      principalType: senderPrincipalType
    }
  }
]

resource pathSenders 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in senderPaths: {
    name: guid(attachments.id, each.principalId, each.prefix, senderRoleId)
    scope: attachments
    properties: {
      roleDefinitionId: senderRoleId
      principalId: each.principalId
      principalType: senderPrincipalType
      description: 'Held to ${each.prefix}'
      conditionVersion: '2.0'
      condition: '((${join(conditioned, ' AND ')}) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringStartsWith \'${replace(each.prefix, '\'', '')}\'))'
    }
  }
]

@description('Name of the role for people who put files, for further assignments.')
output senderRoleName string = customRole ? 'todo-attach-sender-${storageAccountName}' : 'Storage Blob Data Contributor'

@description('Name of the custom role of the operator; empty = none.')
output operatorRoleName string = customRole && hasOperator ? 'todo-attach-operator-${storageAccountName}' : ''
