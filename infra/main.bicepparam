// The values of one deployment. Copy this file for a second one. It holds no secrets, so it belongs under version control.
// Every parameter has its description, bounds and default in main.bicep; here are those that most people want to set.
using 'main.bicep'

// Beginning of the names of all resources: 2 to 10 small letters and digits, a letter first.
param prefix = 'todoattach'

// Whose To Do a file goes to that names no account: a sign-in name or an object id. Where people of several tenants may
// connect, use an object id, since a sign-in name belongs to the first account that connects with it.
param defaultAccount = 'someone@example.com'

// Who may put files: object ids, all of one kind. A group is best:
//   az ad group show --group Attachers --query id --output tsv
param senderPrincipalIds = []
param senderPrincipalType = 'Group'

// Who may connect their To Do; by default only the people of this tenant. Personal accounts also need a secret ('common' and
// 'client-secret'); docs/deploying.md has the choices. scripts/connect-entra.sh makes the registration, and later
// deployments keep it. To set it in this file: param entraClientId = '...'
// param entraTenant = 'organizations'
// param entraClientCredential = 'client-secret'

// The mail address that alerts go to. Empty: none. Alerts link to their heading in docs/operations.md: say where your people
// read it.
param alertEmail = ''
// param operationsUrl = 'https://...'

// 1 keeps an instance always running, at its price, for the first blob after a pause and for its first slice. 0 accepts a
// cold start. docs/deploying.md, "Costs", says what each group costs and what it is for.
param alwaysReadyBlob = 0
param alwaysReadySendRange = 0

// Delete files from the container after so many days; 0 = never. It is never less than the longest wait of an upload.
param deleteFilesAfterDays = 0
