// The values of one deployment. Copy this file for a second one; it holds no secrets, so it belongs under version
// control. Every parameter has its description, bounds and default in main.bicep; what stands here is what most
// people want to decide.
using 'main.bicep'

// Begins the names of all resources: 2 to 10 small letters and digits, a letter first.
param prefix = 'todoattach'

// Whose To Do a file goes to that does not say: a sign-in name or an object id. Where people of several tenants may connect,
// an object id, since a sign-in name belongs to whoever connects with it first.
param defaultAccount = 'someone@example.com'

// Who may put files: object ids, all of one kind. A group is best:
//   az ad group show --group Attachers --query id --output tsv
param senderPrincipalIds = []
param senderPrincipalType = 'Group'

// Who may connect their To Do; by default the people of this tenant only. Personal accounts need a secret besides
// ('common' and 'client-secret'); docs/deploying.md has the choices. The registration is made by scripts/connect-entra.sh,
// and kept; to have it in writing: param entraClientId = '...'
// param entraTenant = 'organizations'
// param entraClientCredential = 'client-secret'

// Who is told when something is stuck. Empty: nobody. Alerts link to their heading in docs/operations.md: say where your
// people read it.
param alertEmail = ''
// param operationsUrl = 'https://...'

// 1 keeps an instance warm, at its price: for the first blob after a rest, and for its first slice. 0 accepts a cold start.
// docs/deploying.md, "Costs", has what each group costs and cures.
param alwaysReadyBlob = 0
param alwaysReadySendRange = 0

// Delete files from the container after so many days; 0 = never. Never shorter than the longest wait of an upload.
param deleteFilesAfterDays = 0
