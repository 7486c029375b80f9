// The key vault, with access by roles only. It cannot be purged before its retention is over: a deleted vault keeps its
// name, and scripts/deploy.sh recovers it before the same deployment is made again. The template does not use `createMode:
// recover` for that, since it fails once the vault is back.

@minLength(3)
@maxLength(24)
@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the workspace that diagnostics go to.')
param workspaceId string

@description('Whether the vault is locked against deletion.')
param locked bool

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

// It wraps the keys of the connected accounts' blobs. A deployment leaves an existing key as it is. It is rotated by hand,
// since old versions must stay enabled until every account has been written anew.
resource accountsKey 'Microsoft.KeyVault/vaults/keys@2026-05-15' = {
  parent: vault
  name: 'accounts'
  tags: tags
  properties: {
    kty: 'RSA'
    keySize: 3072
    keyOps: ['wrapKey', 'unwrapKey']
    attributes: {
      enabled: true
      exportable: false
    }
  }
}

// A preview version, because the newest other one is of 2016 and has neither category groups nor tables as destinations.
#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  name: 'accounts-key'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'Without its key no connected account can be read. scripts/destroy.sh wants this lock to be gone.'
  }
}

@description('Name of the vault.')
output name string = vault.name

@description('URI of the vault, with a slash at its end.')
output uri string = vault.properties.vaultUri

@description('Name of the key that the connected accounts are encrypted with.')
output accountsKeyName string = accountsKey.name
