#!/usr/bin/env bash
# Makes the key anew by which Event Grid delivers to the app, and says what the rotation may have lost.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/steps.sh
source scripts/steps.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/rotate-webhook-key.sh --resource-group NAME

Deletes the key of the blob extension's webhook, waits for the host to make a new one, and gives it to the event
subscription. The host accepts only the key of this name, so the old value ends before the new one begins: for some
minutes Event Grid is answered 401, which it does not try again. Those events become dead letters; at the end the script
says how to see them, and how to start their uploads.
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
begin "what is deployed"
find_deployment || { show_errors && die "todo-attach is not deployed into $group; run scripts/deploy.sh first"; }
say "   function app $app"

# A run that failed in the middle has deleted the key already; then there is nothing to delete, and the rest goes on.
begin "deleting the old key"
# By the clock of this machine, and a minute before: dead letters are compared with it.
began=$(python -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M"))')
if has_webhook_key; then
  az functionapp keys delete --resource-group "$group" --name "$app" --key-type systemKeys --key-name blobs_extension \
    --output none || die "the old key was not deleted; it is still the valid one"
fi
az functionapp restart --resource-group "$group" --name "$app" --output none || die "the app was not restarted"
check_webhook_key
subscribe

begin "what the rotation lost"
lost=$(az storage blob list --account-name "$storage" --container-name "$dead_letters" --auth-mode login \
  --query "[].[properties.creationTime, name]" --output tsv 2>"$errors") || lost=''
lost=$(awk -F '\t' -v began="$began" '$1 >= began { print "   " $2 }' <<<"$lost")
say "${lost:-   no dead letter since $began UTC, so far}" \
  "   Event Grid writes a dead letter some five minutes after it gave an event up. To see them all, and to start what" \
  "   they are about:" \
  "     scripts/reconcile.sh --resource-group $group --only-look" \
  "     scripts/reconcile.sh --resource-group $group"
say "" "The new key is in use."
