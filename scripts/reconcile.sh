#!/usr/bin/env bash
# Finds files whose event never came, in the container and in Event Grid's dead letters, and starts their uploads. Runs on
# an operator's machine, under the operator's own sign-in; the settings are the deployed app's, and hold no secret.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/reconcile.sh --resource-group NAME [--only-look]

Looks through the container and the dead letters, and starts the upload of each file that the ledger does not know. Safe
at any time, and again. The operator needs operatorMayReconcile in the parameter file, and ./setup on this machine.

  --resource-group NAME  where todo-attach is deployed
  --only-look            say what is missing, and start nothing; exit code 1 where something is
TEXT
}

group='' only_look=''
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group) value_of "$1" $# && group=$2 && shift 2 ;;
    --only-look) only_look=--only-look && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }
[ -x .venv/bin/python ] || die "this runs the application's own code: ./setup first"
need_login
read_outputs "$group" functionAppName deadLettersContainer ||
  { show_errors && die "todo-attach is not deployed into $group; run scripts/deploy.sh first"; }
# shellcheck disable=SC2154 # read_outputs sets them
az functionapp config appsettings list --resource-group "$group" --name "$functionAppName" >"$scratch/settings.json" \
  2>"$errors" || { show_errors && die "cannot read the settings of $functionAppName"; }
# shellcheck disable=SC2154
.venv/bin/python scripts/reconcile.py --settings "$scratch/settings.json" --dead-letters "$deadLettersContainer" $only_look
