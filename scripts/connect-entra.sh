#!/usr/bin/env bash
# Makes the Entra application by which people of this tenant will sign in, and lets the deployment's identity prove to be
# it: a federated credential, so there is no secret to leak or rotate. The application's sign-in does not use it yet.
# Needs another right than deploy.sh: to register applications (Application Developer, or an owner of the application).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap report_stop EXIT

group='' name=todo-attach
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group) [ $# -ge 2 ] || die "$1 wants a value" && group=$2 && shift 2 ;;
    --name) [ $# -ge 2 ] || die "$1 wants a value" && name=$2 && shift 2 ;;
    *) echo "usage: scripts/connect-entra.sh --resource-group NAME [--name APPLICATION]" >&2 && exit 2 ;;
  esac
done
[ -n "$group" ] || die "--resource-group is missing"

# A new object is not known to every replica of the directory at once.
not_yet_known='does not exist|Not a valid reference|ResourceNotFound|Request_ResourceNotFound|Directory_ConcurrencyViolation|429|503'
microsoft_graph=00000003-0000-0000-c000-000000000000

begin "tools and login"
need_login
tenant=$(az account show --query tenantId --output tsv)
authority=$(az cloud show --query endpoints.activeDirectory --output tsv)

begin "the deployment's identity"
subject=$(az deployment group show --resource-group "$group" --name "$deployment_name" \
  --query properties.outputs.identityPrincipalId.value --output tsv) ||
  die "todo-attach is not deployed into $group; run scripts/deploy.sh first"

begin "permissions"
permission() {
  az ad sp show --id "$microsoft_graph" --query "oauth2PermissionScopes[?value=='$1'].id | [0]" --output tsv
}
tasks=$(permission Tasks.ReadWrite)
offline=$(permission offline_access)
[ -n "$tasks" ] && [ -n "$offline" ] || die "the directory does not tell the ids of Tasks.ReadWrite and offline_access"
# Delegated ("Scope"): the application acts for a person who signed in, and for nobody else.
cat >"$scratch/permissions.json" <<JSON
[{"resourceAppId": "$microsoft_graph",
  "resourceAccess": [{"id": "$tasks", "type": "Scope"}, {"id": "$offline", "type": "Scope"}]}]
JSON

begin "application $name"
found=$(az ad app list --display-name "$name" --query "[?displayName=='$name'].appId" --output tsv)
case $(grep -c . <<<"$found" || true) in
  0)
    application=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg \
      --required-resource-accesses "@$scratch/permissions.json" --query appId --output tsv)
    ;;
  1)
    application=$found
    patiently 6 "$not_yet_known" "the directory replicates" az ad app update --id "$application" \
      --required-resource-accesses "@$scratch/permissions.json" || die "the application was not updated"
    ;;
  *) die "several applications are named $name: give --name, or delete those that are not this one" ;;
esac
say "   client id: $application"
principal=$(az ad sp list --filter "appId eq '$application'" --query "[].id" --output tsv)
if [ -z "$principal" ]; then
  patiently 6 "$not_yet_known" "the directory replicates" az ad sp create --id "$application" --output none ||
    die "the application has no service principal"
fi

begin "federated credential"
cat >"$scratch/credential.json" <<JSON
{"name": "todo-attach", "issuer": "${authority%/}/$tenant/v2.0", "subject": "$subject",
 "audiences": ["api://AzureADTokenExchange"], "description": "The identity that todo-attach runs as."}
JSON
present=$(patiently 6 "$not_yet_known" "the directory replicates" az ad app federated-credential list --id "$application" \
  --query "[?name=='todo-attach'].subject" --output tsv) || die "cannot read the application's credentials"
if [ -z "$present" ]; then
  patiently 6 "$not_yet_known" "the directory replicates" az ad app federated-credential create --id "$application" \
    --parameters "$scratch/credential.json" --output none || die "the credential was not made"
elif [ "$present" != "$subject" ]; then
  patiently 6 "$not_yet_known" "the directory replicates" az ad app federated-credential update --id "$application" \
    --federated-credential-id todo-attach --parameters "$scratch/credential.json" --output none ||
    die "the credential was not changed"
fi
say "" "Done: $name ($application) trusts the identity of $group. No admin consent was given, and nothing uses it yet."
