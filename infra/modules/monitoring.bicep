// Where logs and metrics go. Neither the workspace nor the component accepts a key: both require a token of Entra ID.

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the Application Insights component.')
param componentName string

@description('Name of the action group.')
param actionGroupName string

@description('Resource id of an existing workspace; empty = one is made.')
param givenWorkspaceId string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Days that logs are kept.')
param retentionDays int

@description('The most that the workspace accepts in a day, in GB; -1 = no limit.')
param dailyQuotaGb int

@description('Mail address that alerts go to; empty = none.')
param alertEmail string

var workspaceId = empty(givenWorkspaceId) ? workspace.id : givenWorkspaceId

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = if (empty(givenWorkspaceId)) {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspaceId
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    DisableIpMasking: false
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'todo-attach'
    enabled: true
    emailReceivers: empty(alertEmail)
      ? []
      : [{ name: 'operator', emailAddress: alertEmail, useCommonAlertSchema: true }]
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspaceId

@description('Name of the workspace.')
output workspaceName string = last(split(workspaceId, '/'))

@description('Resource id of the Application Insights component.')
output componentId string = component.id

@description('Name of the Application Insights component.')
output componentName string = component.name

@description('Resource id of the action group, for alerts.')
output actionGroupId string = actionGroup.id
