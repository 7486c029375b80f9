// The parameters that scripts/deploy.sh gives subscription.bicep: outputs of main.bicep, here those of main.bicepparam's
// snapshot.
using '../subscription.bicep'

param functionAppName = 'func-todoattach-42u5fvejh3pts'
param systemTopicName = 'evgt-todoattach-42u5fvejh3pts'
param storageAccountName = 'todoattach42u5fvejh3pts'
param identityResourceId = '/subscriptions/00000000-0000-4000-8000-00000000000a/resourceGroups/todo-attach/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-todoattach-42u5fvejh3pts'
param attachmentsContainer = 'attachments'
param deadLettersContainer = 'dead-letters'
