// Every option on, for the snapshot beside this file only: what they come to in Azure can be reviewed. Nobody deploys it.
using '../main.bicep'

param defaultAccount = '5a000000-0000-4000-8000-000000000001'
param operatorPrincipalId = '0e000000-0000-4000-8000-000000000001'
param operatorMayReconcile = true
param senderPrincipalIds = ['5e000000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000002']
param alertEmail = 'operator@example.com'
param operationsUrl = 'https://example.com/operations.md'
param entraClientId = 'e0000000-0000-4000-8000-000000000001'
param entraTenant = 'common'
param entraProof = 'client-secret'
param deleteFilesAfterDays = 30
param deleteAttached = true
param alwaysReadyInstances = 1
param auditBlobRequests = true
