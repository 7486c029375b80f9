// todo-attach: a file put into a container becomes an attachment of a Microsoft To Do task.
//
//   identity -> storage, key vault, monitoring -> roles -> function app -> blob service
//                                              -> Event Grid topic
//                                              -> workspace functions, workbook, alert rules
//
// Then the code is published, then subscription.bicep is deployed: scripts/deploy.sh does all of it in this order.
// The registration that people sign in with needs another right, and is a script of its own: scripts/connect-entra.sh.
targetScope = 'resourceGroup'

// -- where and what --

@minLength(2)
@maxLength(10)
@description('Beginning of the names of all resources: small letters and digits, a letter first.')
param prefix string = 'todoattach'

@description('Azure region of all resources; one that has Flex Consumption (az functionapp list-flexconsumption-locations).')
param location string = resourceGroup().location

@description('Tags of every resource.')
param tags object = {
  application: 'todo-attach'
}

// -- who --

@maxLength(36)
@description('Object id of the operator, who may set secrets, see queues, ledger and dead letters, and put a test file. Empty = nobody.')
param operatorPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('Kind of the operator\'s principal.')
param operatorPrincipalType string = 'User'

@maxLength(100)
@allowed(['trusted', 'strangers'])
@description('trusted: senders may write and overwrite files, edit metadata, and find files by the tags that say the outcome. strangers: they may only create files, not overwrite, edit or find any; every blob request is logged.')
param senderProfile string = 'trusted'

@maxLength(100)
@description('Senders who may put files below a prefix of the path only, by a condition of their role: [{ principalId, prefix, account }]. A prefix ends in a slash.')
param senderPaths senderPath[] = []

@description('Make custom roles for senders and operator. false, where you have no right to: on the container, senders get Storage Blob Data Contributor, which may also read and delete, and the operator gets Storage Blob Data Owner.')
param customRole bool = true

@description('Object ids of the senders: those who may put files.')
param senderPrincipalIds string[] = []

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('Kind of the senders\' principals: all of one kind; a group is best.')
param senderPrincipalType string = 'Group'

@maxLength(254)
@description('Mail address that alerts go to; empty = none, and alerts only show in the portal.')
param alertEmail string = ''

@description('Whether the alert rules that query the logs run; metricAlertsEnabled has the two on metrics. Each is priced by how often it runs (docs/operations.md, "Watch").')
param alertsEnabled bool = true

@maxLength(300)
@description('Where people of this deployment read docs/operations.md, for the links in alerts; empty = alerts name the heading.')
param operationsUrl string = ''

@description('Whether the rule "silent" runs, once the code is live.')
param silentAlertEnabled bool = true

@description('Whether published code runs already. Until it does, the rule "silent" is off: it would fire while a first deployment is under way. deploy.sh finds out, and switches the rule on at its end.')
param codeIsLive bool = true

@description('Whether the rule "rejected" runs. A rejected file is its sender\'s mistake, and its tag says so to them.')
param rejectedAlertEnabled bool = false

// -- the application's settings; docs/configuration.md says more about each --

@minLength(1)
@maxLength(254)
@description('TODO_ATTACH_DEFAULT_ACCOUNT: whose To Do a file without the metadata "user" goes to (sign-in name or object id).')
param defaultAccount string

@minLength(3)
@maxLength(63)
@description('TODO_ATTACH_CONTAINER: the container that people put files into.')
param attachmentsContainer string = 'attachments'

@minLength(3)
@maxLength(56)
@description('TODO_ATTACH_QUEUE: the queue of range messages; -poison is added for its poison queue.')
param queueName string = 'upload-ranges'

@minLength(3)
@maxLength(63)
@description('TODO_ATTACH_TABLE: the table of the ledger.')
param tableName string = 'uploads'

@minLength(9)
@maxLength(64)
@description('TODO_ATTACH_SWEEP_SCHEDULE: when stalled uploads are looked for (NCRONTAB, six fields, UTC); alerts count on one at least every 10 minutes.')
param sweepSchedule string = '0 * * * * *'

@minLength(9)
@maxLength(64)
@description('TODO_ATTACH_CATCH_UP_SCHEDULE: when files are looked for that no event announced (NCRONTAB, six fields, UTC); the documents promise people ten minutes.')
param catchUpSchedule string = '30 */5 * * * *'

@minValue(1)
@maxValue(120)
@description('TODO_ATTACH_CATCH_UP_SECONDS: the time that one such run may take.')
param catchUpSeconds int = 60

@allowed(['https://graph.microsoft.com/v1.0', 'https://graph.microsoft.us/v1.0', 'https://dod-graph.microsoft.us/v1.0'])
@description('TODO_ATTACH_GRAPH_ROOT: the Graph of the accounts.')
param graphRoot string = 'https://graph.microsoft.com/v1.0'

@allowed(['me', 'users'])
@description('TODO_ATTACH_MAILBOX_PATH: how requests name the mailbox, /me or /users/{id}.')
param mailboxPath string = 'me'

@minValue(0)
@maxValue(3650)
@description('TODO_ATTACH_KEEP_FINISHED_DAYS: days that the ledger keeps a finished upload after its file is gone; 0 = for ever. Raised to a day more than deleted files can be brought back, and to 8.')
param keepFinishedDays int = 0

@description('TODO_ATTACH_DELETE_ATTACHED: delete a file once it is attached.')
param deleteAttached bool = false

@description('TODO_ATTACH_DELETE_SENT: delete a file that came through the page once it is attached. The person who sent it has no right to.')
param deleteSent bool = true

@allowed(['on', 'off'])
@description('TODO_ATTACH_READ_BACK: read each attachment back, and compare it with the file, before it counts as attached.')
param readBack string = 'off'

@minValue(1)
@maxValue(180)
@description('TODO_ATTACH_REQUEST_DEADLINE_SECONDS: the most that one request to Graph may take.')
param requestDeadlineSeconds int = 90

@minValue(10)
@maxValue(120)
@description('TODO_ATTACH_CLAIM_MARGIN_SECONDS: how much longer than a request a worker\'s claim lasts; reading the slice must fit in.')
param claimMarginSeconds int = 30

@minValue(660)
@maxValue(86400)
@description('TODO_ATTACH_STALLED_AFTER_SECONDS: when the sweep starts an upload again; longer than the queue\'s lease of 600.')
param stalledAfterSeconds int = 900

@minValue(327680)
@maxValue(3932160)
@description('TODO_ATTACH_SLICE_BYTES: bytes that are sent in one request.')
param sliceBytes int = 3932160

@minValue(1)
@maxValue(26214400)
@description('TODO_ATTACH_MAX_FILE_BYTES: the largest file that is attached.')
param maxFileBytes int = 26214400

@minValue(0)
@maxValue(86400)
@description('TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS: how long an empty file may still grow before it is attached as empty.')
param emptyFileWaitSeconds int = 600

@minValue(0)
@maxValue(86400)
@description('TODO_ATTACH_APPEND_QUIET_SECONDS: how long nothing must have been added to an append blob before it is attached.')
param appendQuietSeconds int = 60

@minValue(0)
@maxValue(3600)
@description('TODO_ATTACH_MISSING_PATIENCE_SECONDS: how long a list or a task that Graph does not find is asked for before the file is rejected.')
param missingPatienceSeconds int = 300

@minLength(1)
@maxLength(6)
@description('TODO_ATTACH_REPLACE_WITHIN_SECONDS: a file that is written again so soon after it was attached takes the place of its attachment: seconds, 0 for never, or always.')
param replaceWithinSeconds string = '60'

@minLength(1)
@maxLength(1000)
@description('TODO_ATTACH_PATHS: how the path of a file without metadata names its task; off = paths name no task.')
param paths string = 'USER/LIST/TASK/FILE,LIST/TASK/FILE'

@minValue(1)
@maxValue(720)
@description('TODO_ATTACH_MAX_AGE_HOURS: how long an upload is tried.')
param maxAgeHours int = 24

@maxLength(36)
@description('TODO_ATTACH_ENTRA_CLIENT_ID: the registration that people sign in with; scripts/connect-entra.sh makes it. Empty = nobody can connect yet, and files wait.')
param entraClientId string = ''

@minLength(1)
@maxLength(253)
@description('TODO_ATTACH_ENTRA_TENANT: whose accounts may connect: a tenant (default: this one), or organizations, consumers, common.')
param entraTenant string = tenant().tenantId

@allowed(['managed-identity', 'client-secret'])
@description('TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL: how the app proves to Entra that it is the registration. Personal accounts (consumers, common) need a secret, which scripts/connect-entra.sh puts into the vault.')
param entraClientCredential string = 'managed-identity'

@maxLength(200)
@description('TODO_ATTACH_CONNECT_URL: root of the app as browsers reach it, https://HOST/api, where that is not its own host name.')
param connectUrl string = ''

@minValue(0)
@maxValue(90)
@description('TODO_ATTACH_SIGN_IN_WAIT_DAYS: how long an upload waits for a person to sign in.')
param signInWaitDays int = 14

@minValue(1)
@maxValue(90)
@description('TODO_ATTACH_QUEUE_WAIT_DAYS: how long an upload waits in line for its turn at the mailbox.')
param queueWaitDays int = 14

@minValue(1)
@maxValue(8)
@description('TODO_ATTACH_UPLOADS_AT_ONCE: uploads to one mailbox at a time. Graph\'s published limit is four requests.')
param uploadsAtOnce int = 3

@minValue(1000000)
@maxValue(2147483647)
@description('TODO_ATTACH_BYTES_PER_WINDOW: bytes uploaded to one mailbox in 5 minutes, at most.')
param bytesPerWindow int = 150000000

@minValue(20)
@maxValue(1000000)
@description('TODO_ATTACH_REQUESTS_PER_WINDOW: requests for one mailbox in 10 minutes, at most.')
param requestsPerWindow int = 10000

@allowed(['mailbox', 'app'])
@description('TODO_ATTACH_PACE: whether these limits are for each mailbox, or for all mailboxes together.')
param pace string = 'mailbox'

// -- size and cost --

// 512 is not offered: such an instance has a quarter of a core, and a start on it was never measured.
@allowed([2048, 4096])
@description('Memory of an instance, in MB.')
param instanceMemoryMB int = 2048

@minValue(40)
@maxValue(1000)
@description('Most instances at a time.')
param maximumInstanceCount int = 40

@minValue(0)
@maxValue(5)
@description('Instances that always run for blob events, billed all the time: 1 spares the first file a cold start.')
param alwaysReadyBlob int = 0

@minValue(0)
@maxValue(5)
@description('Instances that always run for the pages, billed all the time: 1 spares a person who signs in a cold start.')
param alwaysReadyHttp int = 0

@minValue(0)
@maxValue(5)
@description('Instances that always run for send_range, the chain of slices, billed all the time: 1 spares the first slice a cold start.')
param alwaysReadySendRange int = 0

@minValue(0)
@maxValue(5)
@description('Instances that always run for park_range, which hardly ever runs, billed all the time.')
param alwaysReadyParkRange int = 0

@minValue(0)
@maxValue(5)
@description('Instances that always run for reopen_upload, which hardly ever runs, billed all the time.')
param alwaysReadyReopenUpload int = 0

@description('Let the host find its storage by AzureWebJobsStorage__accountName, where it cannot by service URIs (functions-host#11787).')
param hostStorageByAccountName bool = false

@description('Spread the app and the storage over the zones of the region: storage of at least ZRS, and two instances of a group that has any.')
param zoneRedundant bool = false

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
@description('Redundancy of the storage account.')
param storageSku string = 'Standard_LRS'

@minValue(1)
@maxValue(365)
@description('Days in which deleted blobs and containers can be restored.')
param deletedBlobDays int = 7

@minValue(0)
@maxValue(3650)
@description('Days after which a file in the container is deleted; 0 = never. Raised to the longest that an upload may wait, plus a day.')
param deleteFilesAfterDays int = 0

@minValue(7)
@maxValue(3650)
@description('Days after which an event that could not be delivered is deleted.')
param deadLetterDays int = 30

@minValue(30)
@maxValue(730)
@description('Days that logs are kept.')
param logRetentionDays int = 30

@minValue(-1)
@maxValue(1000)
@description('Most that the workspace takes in a day, in GB; -1 = no limit. Beyond it, logs of that day are lost.')
param dailyQuotaGb int = 5

@description('Log every request to blob storage: for an audit; costs a log record per request.')
param auditBlobRequests bool = false

@description('Log every request to queues and to the table too: costs a log record per poll of a queue.')
param auditQueueAndTableRequests bool = false

@description('Lock storage account and vault against deletion. The person who deploys needs the right to make locks.')
param locks bool = false

@minValue(0)
@maxValue(100000)
@description('Budget of the resource group in a month, in the currency of the bill: mails alertEmail at 80 % and when 100 % are forecast. 0 = none.')
param monthlyBudget int = 0

@minLength(10)
@maxLength(10)
@description('First day of the budget, yyyy-MM-01. Set it in the parameter file, since a budget keeps the day that it was made with.')
param budgetStart string = utcNow('yyyy-MM-01')

@description('Metric alerts, which do not depend on the workspace: dead letters of Event Grid, and no executions. Each has its price.')
param metricAlertsEnabled bool = true

@maxLength(300)
@description('Resource id of an existing Log Analytics workspace, whose retention and quota stay as they are. Empty = one is made.')
param workspaceResourceId string = ''

@maxLength(300)
@description('Resource id of an existing user-assigned identity. Empty = one is made.')
param identityResourceId string = ''

// -- names --

@description('One sender, and where in the container they may put files.')
type senderPath = {
  @description('Object id, of the kind that senderPrincipalType names.')
  principalId: string

  @minLength(2)
  @maxLength(200)
  @description('Beginning of the names of their files, with a slash at its end: A-Z, a-z, 0-9 and . _ @ + = - between slashes. Not from-page/, which is for files from the app\'s page.')
  prefix: string

  @maxLength(254)
  @description('Whose To Do these files go to, whatever their metadata says: object id, or sign-in name where one tenant may connect. If any prefix has an account, files below no such prefix are rejected.')
  account: string?
}

// Several senders may share a prefix.
var pathAccounts = reduce(
  filter(senderPaths, each => !empty(each.?account)),
  {},
  (found, each) => union(found, { '${each.prefix}': each.?account })
)
var unique = uniqueString(resourceGroup().id)
var base = '${prefix}-${unique}'
var storageAccountName = take('${prefix}${unique}', 24)
// 'kv-' + 7 + '-' + 13 = 24, the longest that a vault's name may be.
var vaultName = 'kv-${take(prefix, 7)}-${unique}'
var deploymentContainer = 'deployment'
var deadLettersContainer = 'dead-letters'
var accountsContainer = 'accounts'
// A table, not blobs: a deleted key must be gone for good, and storage keeps deleted blobs for days.
var accountsTable = 'accountkeys'
// The host's own name for the queue of blob events that failed too often.
var blobPoisonQueue = 'webjobs-blobtrigger-poison'
var clientSecretName = 'entra-client-secret'
var pythonVersion = '3.13'

// Two instances for each group: if there were one, it would be gone when its zone fails.
var leastReady = zoneRedundant ? 2 : 1
var zonedSku = storageSku == 'Standard_LRS'
  ? 'Standard_ZRS'
  : storageSku == 'Standard_GRS' ? 'Standard_GZRS' : storageSku
// Where senders do not trust each other, it must be possible to find out who did what.
var effectiveAuditBlobRequests = auditBlobRequests || senderProfile == 'strangers'

var makesIdentity = empty(identityResourceId)
var workspaceGroup = empty(workspaceResourceId)
  ? [subscription().subscriptionId, resourceGroup().name]
  : [split(workspaceResourceId, '/')[2], split(workspaceResourceId, '/')[4]]
var identityParts = split(makesIdentity ? '////////none' : identityResourceId, '/')

// A file must not be deleted while its upload may still go on, or wait for a person.
var longestWaitDays = signInWaitDays + queueWaitDays + (maxAgeHours + 23) / 24
var effectiveDeleteFilesAfterDays = deleteFilesAfterDays == 0 ? 0 : max(deleteFilesAfterDays, longestWaitDays + 1)

// A file that is restored after its entry left the ledger would be attached once more.
var effectiveKeepFinishedDays = keepFinishedDays == 0 ? 0 : max(keepFinishedDays, deletedBlobDays + 1, 8)

resource givenIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = if (!makesIdentity) {
  name: identityParts[8]
  scope: resourceGroup(identityParts[2], identityParts[4])
}

module identity 'modules/identity.bicep' = if (makesIdentity) {
  name: 'identity'
  params: {
    name: 'id-${base}'
    location: location
    tags: tags
  }
}

var identityId = makesIdentity ? identity!.outputs.id : givenIdentity.id
var identityClientId = makesIdentity ? identity!.outputs.clientId : givenIdentity!.properties.clientId
var identityPrincipalId = makesIdentity ? identity!.outputs.principalId : givenIdentity!.properties.principalId

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${base}'
    componentName: 'appi-${base}'
    actionGroupName: 'ag-${base}'
    givenWorkspaceId: workspaceResourceId
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: dailyQuotaGb
    alertEmail: alertEmail
  }
}

module queries 'modules/queries.bicep' = {
  name: 'queries'
  // The functions are children of the workspace, and so belong to its resource group.
  scope: resourceGroup(workspaceGroup[0], workspaceGroup[1])
  params: {
    workspaceName: monitoring.outputs.workspaceName
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    suffix: base
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
    enabled: alertsEnabled
    silentEnabled: silentAlertEnabled && codeIsLive
    rejectedEnabled: rejectedAlertEnabled
    operationsUrl: operationsUrl
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: storageAccountName
    location: location
    tags: tags
    sku: zoneRedundant ? zonedSku : storageSku
    workspaceId: monitoring.outputs.workspaceId
    attachmentsContainer: attachmentsContainer
    deploymentContainer: deploymentContainer
    deadLettersContainer: deadLettersContainer
    accountsContainer: accountsContainer
    queueNames: [queueName, '${queueName}-poison', blobPoisonQueue]
    tableNames: [tableName, accountsTable]
    deleteFilesAfterDays: effectiveDeleteFilesAfterDays
    deadLetterDays: deadLetterDays
    auditBlobRequests: effectiveAuditBlobRequests
    auditQueueAndTableRequests: auditQueueAndTableRequests
    locked: locks
  }
}

module keyVault 'modules/keyvault.bicep' = {
  name: 'key-vault'
  params: {
    name: vaultName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    locked: locks
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    storageAccountName: storage.outputs.name
    attachmentsContainer: attachmentsContainer
    deadLettersContainer: deadLettersContainer
    vaultName: keyVault.outputs.name
    accountsKeyName: keyVault.outputs.accountsKeyName
    componentName: monitoring.outputs.componentName
    identityPrincipalId: identityPrincipalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    clientSecretName: entraClientCredential == 'client-secret' ? clientSecretName : ''
    senderProfile: senderProfile
    senderPaths: senderPaths
    customRole: customRole
    senderPrincipalIds: senderPrincipalIds
    senderPrincipalType: senderPrincipalType
  }
}

module functionApp 'modules/functionapp.bicep' = {
  name: 'function-app'
  // No parameter shows this dependency: the app reads its storage and its secrets as soon as it exists.
  dependsOn: [roles]
  params: {
    planName: 'plan-${base}'
    name: 'func-${base}'
    location: location
    tags: tags
    identityId: identityId
    identityClientId: identityClientId
    packageContainerUri: '${storage.outputs.blobUri}${deploymentContainer}'
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    // azd finds the app of its service `app` by this tag.
    appTags: { 'azd-service-name': 'app' }
    zoneRedundant: zoneRedundant
    maximumInstanceCount: maximumInstanceCount
    alwaysReady: {
      blob: alwaysReadyBlob > 0 ? max(alwaysReadyBlob, leastReady) : 0
      http: alwaysReadyHttp > 0 ? max(alwaysReadyHttp, leastReady) : 0
      'function:send_range': alwaysReadySendRange > 0 ? max(alwaysReadySendRange, leastReady) : 0
      'function:park_range': alwaysReadyParkRange > 0 ? max(alwaysReadyParkRange, leastReady) : 0
      'function:reopen_upload': alwaysReadyReopenUpload > 0 ? max(alwaysReadyReopenUpload, leastReady) : 0
    }
    hostStorageByAccountName: hostStorageByAccountName
    storageAccountName: storage.outputs.name
    blobUri: storage.outputs.blobUri
    queueUri: storage.outputs.queueUri
    tableUri: storage.outputs.tableUri
    componentName: monitoring.outputs.componentName
    workspaceId: monitoring.outputs.workspaceId
    connectUrl: connectUrl
    applicationSettings: {
      TODO_ATTACH_CONTAINER: attachmentsContainer
      TODO_ATTACH_QUEUE: queueName
      TODO_ATTACH_TABLE: tableName
      TODO_ATTACH_SWEEP_SCHEDULE: sweepSchedule
      TODO_ATTACH_CATCH_UP_SCHEDULE: catchUpSchedule
      TODO_ATTACH_CATCH_UP_SECONDS: string(catchUpSeconds)
      TODO_ATTACH_DEAD_LETTERS: deadLettersContainer
      TODO_ATTACH_GRAPH_ROOT: graphRoot
      TODO_ATTACH_MAILBOX_PATH: mailboxPath
      TODO_ATTACH_DEFAULT_ACCOUNT: defaultAccount
      // Without a registration there are no accounts, and every file waits. An empty setting counts as not set.
      TODO_ATTACH_TOKENS: empty(entraClientId) ? '{}' : ''
      TODO_ATTACH_ENTRA_CLIENT_ID: entraClientId
      TODO_ATTACH_ENTRA_TENANT: entraTenant
      TODO_ATTACH_ENTRA_CLIENT_CREDENTIAL: entraClientCredential
      // The secret itself is never here: the platform reads it from the vault, with the app's identity.
      TODO_ATTACH_ENTRA_CLIENT_SECRET: entraClientCredential == 'client-secret'
        ? '@Microsoft.KeyVault(SecretUri=${keyVault.outputs.uri}secrets/${clientSecretName})'
        : ''
      TODO_ATTACH_ACCOUNTS_CONTAINER: accountsContainer
      TODO_ATTACH_ACCOUNTS_TABLE: accountsTable
      TODO_ATTACH_ACCOUNTS_KEY: '${keyVault.outputs.uri}keys/${keyVault.outputs.accountsKeyName}'
      TODO_ATTACH_KEEP_FINISHED_DAYS: string(effectiveKeepFinishedDays)
      TODO_ATTACH_DELETE_ATTACHED: deleteAttached ? 'true' : 'false'
      TODO_ATTACH_DELETE_SENT: deleteSent ? 'true' : 'false'
      TODO_ATTACH_READ_BACK: readBack
      TODO_ATTACH_REQUEST_DEADLINE_SECONDS: string(requestDeadlineSeconds)
      TODO_ATTACH_CLAIM_MARGIN_SECONDS: string(claimMarginSeconds)
      TODO_ATTACH_STALLED_AFTER_SECONDS: string(stalledAfterSeconds)
      TODO_ATTACH_SLICE_BYTES: string(sliceBytes)
      TODO_ATTACH_MAX_FILE_BYTES: string(maxFileBytes)
      TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS: string(emptyFileWaitSeconds)
      TODO_ATTACH_APPEND_QUIET_SECONDS: string(appendQuietSeconds)
      TODO_ATTACH_REPLACE_WITHIN_SECONDS: replaceWithinSeconds
      TODO_ATTACH_MISSING_PATIENCE_SECONDS: string(missingPatienceSeconds)
      TODO_ATTACH_PATHS: paths
      TODO_ATTACH_PATH_ACCOUNTS: empty(pathAccounts) ? '' : string(pathAccounts)
      // A sender who reads the tags may be a stranger to the account whose lists and tasks they would name.
      TODO_ATTACH_REJECTIONS_NAME_OTHERS: senderProfile == 'trusted' ? 'true' : 'false'
      TODO_ATTACH_MAX_AGE_HOURS: string(maxAgeHours)
      TODO_ATTACH_SIGN_IN_WAIT_DAYS: string(signInWaitDays)
      TODO_ATTACH_QUEUE_WAIT_DAYS: string(queueWaitDays)
      TODO_ATTACH_UPLOADS_AT_ONCE: string(uploadsAtOnce)
      TODO_ATTACH_BYTES_PER_WINDOW: string(bytesPerWindow)
      TODO_ATTACH_REQUESTS_PER_WINDOW: string(requestsPerWindow)
      TODO_ATTACH_PACE: pace
    }
  }
}

module blobService 'modules/blobservice.bicep' = {
  name: 'blob-service'
  params: {
    storageAccountName: storage.outputs.name
    appOrigin: functionApp.outputs.origin
    deletedBlobDays: deletedBlobDays
  }
}

module eventGrid 'modules/eventgrid.bicep' = {
  name: 'event-grid'
  params: {
    name: 'evgt-${base}'
    location: location
    tags: tags
    storageAccountId: storage.outputs.id
    identityId: identityId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module metricAlerts 'modules/metricalerts.bicep' = {
  name: 'metric-alerts'
  params: {
    suffix: base
    tags: tags
    enabled: metricAlertsEnabled
    operationsUrl: operationsUrl
    actionGroupId: monitoring.outputs.actionGroupId
    topicName: eventGrid.outputs.name
    functionAppName: functionApp.outputs.name
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  name: 'budget'
  params: {
    name: 'budget-${base}'
    amount: monthlyBudget
    start: budgetStart
    email: alertEmail
    actionGroupId: monitoring.outputs.actionGroupId
  }
}

// -- what the scripts need; never a secret --

@description('Name of the function app.')
output functionAppName string = functionApp.outputs.name

@description('Host name of the function app.')
output functionAppHostName string = functionApp.outputs.hostName

@description('Name of the storage account.')
output storageAccountName string = storage.outputs.name

@description('URI of the blob service.')
output blobServiceUri string = storage.outputs.blobUri

@description('Container that people put files into.')
output attachmentsContainer string = attachmentsContainer

@description('Container of events that could not be delivered.')
output deadLettersContainer string = deadLettersContainer

@description('Queue of range messages.')
output queueName string = queueName

@description('Queue of blob events that failed too often.')
output blobPoisonQueueName string = blobPoisonQueue

@description('Table of the ledger.')
output tableName string = tableName

@description('Name of the Event Grid system topic.')
output systemTopicName string = eventGrid.outputs.name

@description('Name of the key vault.')
output keyVaultName string = keyVault.outputs.name

@description('Name of the app\'s client secret in the key vault, where entraClientCredential says that it has one.')
output clientSecretName string = clientSecretName

@description('Root of the app as browsers reach it: people connect at its /connect.')
output connectUrl string = functionApp.outputs.connectUrl

@description('The registration that people sign in with; empty = none yet.')
output entraClientId string = entraClientId

@description('Whose accounts may connect.')
output entraTenant string = entraTenant

@description('How the app proves to Entra that it is the registration.')
output entraClientCredential string = entraClientCredential

@description('Resource id of the identity.')
output identityResourceId string = identityId

@description('Object id of the identity: the subject of the Entra application\'s federated credential.')
output identityPrincipalId string = identityPrincipalId

@description('Name of the Log Analytics workspace.')
output workspaceName string = monitoring.outputs.workspaceName

@description('Name of the Application Insights component.')
output componentName string = monitoring.outputs.componentName

@description('Resource id of the action group, for alerts.')
output actionGroupId string = monitoring.outputs.actionGroupId

@description('Resource id of the rule "silent", which is switched on once the code is live; empty = it stays off.')
output silentAlertId string = alertsEnabled && silentAlertEnabled ? alerts.outputs.silentId : ''

@description('Name of the role for people who put files.')
output senderRoleName string = roles.outputs.senderRoleName

@description('Name of the custom role of the operator; empty = none.')
output operatorRoleName string = roles.outputs.operatorRoleName
