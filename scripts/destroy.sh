#!/usr/bin/env bash
# Deletes a resource group with everything in it, after asking: files, ledger and logs too.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/destroy.sh --resource-group NAME

Deletes the resource group with everything in it, for good: files that wait, connected accounts, the ledger, the logs.
Shows what is in it, and asks for its name first. The custom roles go too. Where a lock keeps something, it names the lock
and deletes nothing.
TEXT
}

group=''
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group) value_of "$1" $# && group=$2 && shift 2 ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }

begin "tools and login"
need_login
if [ "$(az group exists --name "$group" --output tsv)" != true ]; then
  say "There is no resource group $group: nothing to delete."
  exit 0
fi

begin "what would be deleted"
az resource list --resource-group "$group" --query "[].{name:name, type:type}" --output table >&2
read_outputs "$group" senderRoleName operatorRoleName || { show_errors &&
  die "todo-attach was not deployed into $group by scripts/deploy.sh; delete it by hand if you mean it"; }

# This comes before anything is deleted: a lock would stop the deletion half-way, after the senders' role and access are gone.
begin "locks"
locks=$(az lock list --resource-group "$group" --query "[].[level, id]" --output tsv 2>"$errors") || {
  show_errors
  die "it cannot be told whether a lock keeps something in $group. Nothing was deleted. It needs the right to read locks
        (Reader on the resource group)"
}
if [ -n "$locks" ]; then
  say "   These locks keep what they are on, and all of the group with it:"
  while IFS=$'\t' read -r level id; do
    say "   - ${id##*/} ($level) on ${id%/providers/?icrosoft.?uthorization/locks/*}" "     az lock delete --ids $id"
  done <<<"$locks"
  die "locks keep the resource group. Nothing was deleted. Where it is meant, remove them with the commands above (it
        needs Owner or User Access Administrator), and run this again"
fi
say "   none"

say "" "All of this goes, for good: files that wait, connected accounts, the ledger, the logs." \
  "Type the name of the resource group to delete it."
read -r -p "resource group: " answer || answer=''
if [ "$(lower <<<"$answer")" != "$(lower <<<"$group")" ]; then
  say "Nothing was deleted."
  exit 0
fi

# Custom roles are deleted before the group. They are assignable in the group only, so that without the group the CLI does not
# find them, and says nothing. A role cannot be deleted while it is assigned.
custom_role() { az role definition list --name "$role" --resource-group "$group" --custom-role-only true --query "[].id" --output tsv; }
delete_role() {
  local id assigned
  id=$(custom_role) || return 1
  [ -n "$id" ] || return 0
  assigned=$(az role assignment list --all --query "[?roleDefinitionId=='$id'].id" --output tsv) || return 1
  if [ -n "$assigned" ]; then
    # Not quoted: ids have no blanks, and each must be a word of its own.
    # shellcheck disable=SC2086
    az role assignment delete --ids $assigned || return 1
  fi
  az role definition delete --name "$role" --resource-group "$group" --custom-role-only true
}
# shellcheck disable=SC2154 # read_outputs sets them
for role in "$senderRoleName" "$operatorRoleName"; do
  [ -n "$role" ] || continue
  begin "the custom role $role"
  patiently 4 'RoleDefinitionHasAssignments|existing role assignments|429|503' "the removed assignments spread" delete_role ||
    say "   The role $role may remain. With the rights for it (User Access Administrator), before the group is gone:" \
      "   az role definition delete --name $role --resource-group $group"
done

begin "deleting $group (some minutes)"
az group delete --name "$group" --yes 2>"$errors" || {
  show_errors
  ! grep -qi 'ScopeLocked' "$errors" ||
    say "   A lock keeps it, which did not exist or was not visible before. To see it: az lock list --resource-group $group"
  die "the resource group was not deleted"
}
say "" "Deleted. What stays:" \
  "  - the key vault, soft-deleted for 90 days (it cannot be purged before); deploying again recovers it" \
  "  - the registration, if scripts/connect-entra.sh made one, and with it what people have consented to;" \
  "    it is removed by: az ad app delete --id CLIENT_ID"
