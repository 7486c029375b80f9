#!/usr/bin/env bash
# Deletes a resource group with everything in it, after asking. Files, ledger and logs are gone with it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap report_stop EXIT

if [ $# -ne 2 ] || [ "$1" != --resource-group ]; then
  echo "usage: scripts/destroy.sh --resource-group NAME" >&2
  exit 2
fi
group=$2

begin "tools and login"
need_login
if [ "$(az group exists --name "$group" --output tsv)" != true ]; then
  say "There is no resource group $group: nothing to delete."
  exit 0
fi

begin "what would be deleted"
az resource list --resource-group "$group" --query "[].{name:name, type:type}" --output table >&2
role=$(az deployment group show --resource-group "$group" --name "$deployment_name" \
  --query properties.outputs.senderRoleName.value --output tsv 2>"$errors") ||
  die "todo-attach was not deployed into $group by scripts/deploy.sh; delete it by hand if you mean it"
say "" "All of this goes, for good: files that wait, connected accounts, the ledger, the logs." \
  "Type the name of the resource group to delete it."
read -r -p "resource group: " answer || answer=''
if [ "$answer" != "$group" ]; then
  say "Nothing was deleted."
  exit 0
fi

begin "deleting $group (some minutes)"
az group delete --name "$group" --yes
# The custom role outlives the group it was for.
az role definition delete --name "$role" --custom-role-only true 2>"$errors" ||
  say "   The role $role may remain; to remove it: az role definition delete --name $role"
say "" "Deleted. What stays:" \
  "  - the key vault, soft-deleted for 90 days (it cannot be purged before); deploying again recovers it" \
  "  - the registration, if scripts/connect-entra.sh made one, and with it what people have consented to;" \
  "    it is removed by: az ad app delete --id CLIENT_ID"
