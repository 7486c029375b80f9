#!/usr/bin/env bash
# Replaces the key with which Event Grid delivers to the app, and says what becomes of events meanwhile.
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
minutes Event Grid is answered 401, which it does not try again. Those events become dead letters, which the app reads by
itself.
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

# After a run that failed in the middle the key is deleted already; then only the rest is done.
begin "deleting the old key"
if has_webhook_key; then
  az functionapp keys delete --resource-group "$group" --name "$app" --key-type systemKeys --key-name blobs_extension \
    --output none || die "the old key was not deleted; it is still the valid one"
fi
az functionapp restart --resource-group "$group" --name "$app" --output none || die "the app was not restarted"
check_webhook_key
subscribe

say "" "The new key is in use. Files whose events came meanwhile are attached some ten minutes later: Event Grid writes a" \
  "dead letter about five minutes after it gave an event up, and the app reads it within five more."
