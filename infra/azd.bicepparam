// The parameters for `azd up`, from azd's own environment: `azd env set NAME VALUE` sets one. A parameter that is not here
// has its default; add a line to set it. Without azd, main.bicepparam is used.
using 'main.bicep'

param location = readEnvironmentVariable('AZURE_LOCATION')
param defaultAccount = readEnvironmentVariable('TODO_ATTACH_DEFAULT_ACCOUNT')

// azd sets both, for the person who is signed in.
param operatorPrincipalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param operatorPrincipalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')

param alertEmail = readEnvironmentVariable('TODO_ATTACH_ALERT_EMAIL', '')
// scripts/azd-hook.sh sets it to the registration that scripts/connect-entra.sh has set on the app.
param entraClientId = readEnvironmentVariable('TODO_ATTACH_ENTRA_CLIENT_ID', '')
// Also from there: false until the alert "silent" was switched on by the hook after a deployment.
param codeIsLive = bool(readEnvironmentVariable('TODO_ATTACH_CODE_IS_LIVE', 'false'))
