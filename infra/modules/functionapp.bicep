// The plan (Flex Consumption) and the app. Settings that Flex Consumption forbids, or that would need a key, are left out
// on purpose: a plain AzureWebJobsStorage, FUNCTIONS_WORKER_RUNTIME, WEBSITE_RUN_FROM_PACKAGE.

@description('Name of the plan.')
param planName string

@description('Name of the function app.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Further tags of the app.')
param appTags object

@description('Resource id of the identity that the app runs as.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('URI of the container of the deployed package.')
param packageContainerUri string

@description('Version of Python.')
param pythonVersion string

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('Instances are spread over the zones of the region.')
param zoneRedundant bool

@description('Most instances at a time.')
param maximumInstanceCount int

@description('Instances that always run, by the group of functions that they run for: blob, http, function:NAME; 0 = none.')
param alwaysReady object

@description('The host finds its storage by the account\'s name in place of three URIs.')
param hostStorageByAccountName bool

@description('Name of the storage account.')
param storageAccountName string

@description('URI of the blob service.')
param blobUri string

@description('URI of the queue service.')
param queueUri string

@description('URI of the table service.')
param tableUri string

@description('Name of the Application Insights component.')
param componentName string

@description('Resource id of the workspace that diagnostics go to.')
param workspaceId string

@description('The application\'s own settings, name to value: what shared/settings.py reads.')
param applicationSettings object

@description('Root of the app as browsers reach it, https://HOST/api; empty = its own host name.')
param connectUrl string

// With a user-assigned identity each connection needs credential and clientId: without them the host fails, and logs
// nothing. Both connections lead to the same account: one for the host's own state, one for files, queues and ledger.
// Only the host's may be given by account name: the binding of the blob client cannot read that form.
var hostConnectionSettings = hostStorageByAccountName
  ? [{ name: 'AzureWebJobsStorage__accountName', value: storageAccountName }]
  : [
      { name: 'AzureWebJobsStorage__blobServiceUri', value: blobUri }
      { name: 'AzureWebJobsStorage__queueServiceUri', value: queueUri }
      { name: 'AzureWebJobsStorage__tableServiceUri', value: tableUri }
    ]
var connectionSettings = [
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
  { name: 'AttachmentStorage__blobServiceUri', value: blobUri }
  { name: 'AttachmentStorage__queueServiceUri', value: queueUri }
  { name: 'AttachmentStorage__tableServiceUri', value: tableUri }
  { name: 'AttachmentStorage__credential', value: 'managedidentity' }
  { name: 'AttachmentStorage__clientId', value: identityClientId }
]
var telemetrySettings = [
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: component.properties.ConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
  // The worker sets up OpenTelemetry, and the host no longer forwards the worker's log, which would come twice.
  { name: 'PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY', value: 'true' }
  { name: 'PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME', value: 'todo_attach' }
  { name: 'OTEL_SERVICE_NAME', value: 'todo-attach' }
  // By default only five spans a second are kept, and the traces of uploads would have gaps.
  { name: 'OTEL_TRACES_SAMPLER', value: 'always_on' }
  // Everything that the distribution instruments by default: those spans would hold whole upload URLs.
  {
    name: 'OTEL_PYTHON_DISABLED_INSTRUMENTATIONS'
    value: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'
  }
  // Switches off the exporter's reports about itself, its remote configuration, and requests to a metadata address.
  { name: 'APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL', value: 'true' }
  { name: 'APPLICATIONINSIGHTS_SDKSTATS_DISABLED', value: 'true' }
  { name: 'APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED', value: 'true' }
  { name: 'APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED', value: 'true' }
  { name: 'OTEL_EXPERIMENTAL_RESOURCE_DETECTORS', value: 'azure_functions' }
]
var hostSettings = [
  // The anonymous routes accept a body from anyone, by default of up to 100 MB.
  { name: 'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', value: '2097152' }
  { name: 'AzureWebJobsDisableHomepage', value: 'true' }
]
var workerSettings = [
  // A thread for each queue message that host.json admits at a time, and as many again for everything else.
  { name: 'PYTHON_THREADPOOL_THREAD_COUNT', value: '16' }
]
// The app's address is known only once it exists: therefore the settings are a resource of their own.
var addressSettings = [
  {
    name: 'TODO_ATTACH_CONNECT_URL'
    value: empty(connectUrl) ? 'https://${app.properties.defaultHostName}/api' : connectUrl
  }
]

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
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
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, appTags)
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
    // Event Grid delivers from outside; the webhook requires a key of its own.
    publicNetworkAccess: 'Enabled'
    clientCertEnabled: false
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
    }
    functionAppConfig: {
      // Let instances finish their slice before they end; by default the platform ends them at once. This is in preview, and
      // holds from the update after the one that sets it. The types do not have it: tests/infra/test_template.py checks
      // how it is spelt.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: 'RollingUpdate'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: map(
          filter(items(alwaysReady), group => group.value > 0),
          group => { name: group.key, instanceCount: group.value }
        )
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    toObject(
      concat(
        hostConnectionSettings,
        connectionSettings,
        telemetrySettings,
        hostSettings,
        workerSettings,
        addressSettings
      ),
      setting => setting.name,
      setting => setting.value
    ),
    applicationSettings
  )
}

// The site's children are written one after another: two writes at once end with "another operation is in progress".
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  dependsOn: [settings]
  properties: {
    allow: false
  }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  dependsOn: [noFtpPassword]
  properties: {
    allow: false
  }
}

// A preview version, because the newest other one is of 2016 and has neither category groups nor tables as destinations.
#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  dependsOn: [noScmPassword]
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
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

@description('Name of the app.')
output name string = app.name

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName

@description('Root of the app as browsers reach it.')
output connectUrl string = addressSettings[0].value

@description('Origin of the app as browsers write it: scheme and host, in small letters.')
output origin string = toLower(empty(connectUrl)
  ? 'https://${app.properties.defaultHostName}'
  : join(take(split(connectUrl, '/'), 3), '/'))
