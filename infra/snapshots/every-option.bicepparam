// Every option is on, only for the snapshot beside this file, in which one can review what they make in Azure. It is never
// deployed.
using '../main.bicep'

param defaultAccount = '5a000000-0000-4000-8000-000000000001'
param operatorPrincipalId = '0e000000-0000-4000-8000-000000000001'
param senderPrincipalIds = ['5e000000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000002']
param alertEmail = 'operator@example.com'
param operationsUrl = 'https://example.com/operations.md'
param entraClientId = 'e0000000-0000-4000-8000-000000000001'
param entraTenant = 'common'
param entraClientCredential = 'client-secret'
param connectUrl = 'https://Todo.Example.com/api'
param deleteFilesAfterDays = 30
param deleteAttached = true
param deleteSent = false
param keepFinishedDays = 30
param readBack = 'on'
param alwaysReadyBlob = 1
param alwaysReadyHttp = 1
param alwaysReadySendRange = 2
param alwaysReadyParkRange = 1
param alwaysReadyReopenUpload = 1
param hostStorageByAccountName = true
param rejectedAlertEnabled = true
param senderProfile = 'strangers'
param senderPaths = [{ principalId: '5e000000-0000-4000-8000-000000000003', prefix: 'alice/', account: '5e000000-0000-4000-8000-00000000000a' }]
param zoneRedundant = true
param auditQueueAndTableRequests = true
param locks = true
param monthlyBudget = 50
param budgetStart = '2026-01-01'
param workspaceResourceId = '/subscriptions/00000000-0000-4000-8000-00000000000c/resourceGroups/shared/providers/Microsoft.OperationalInsights/workspaces/log-shared'
param identityResourceId = '/subscriptions/00000000-0000-4000-8000-00000000000c/resourceGroups/shared/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-shared'
param auditBlobRequests = true
