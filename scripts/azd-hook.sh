#!/usr/bin/env bash
# The hooks of azure.yaml: what `azd up` must do besides Bicep and publishing, with the same steps as scripts/deploy.sh. azd's
# environment has AZURE_RESOURCE_GROUP. This has not been run with azd yet.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/steps.sh
source scripts/steps.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/azd-hook.sh preprovision | prepackage | postdeploy

  preprovision  recovers a deleted key vault of the name that is needed; keeps the registration of sign-in, and the alert
                "silent" where it is on
  prepackage    makes the package in dist/azd, by the allow-list of scripts/package.py
  postdeploy    event subscription, proof that the published code runs, and a test file
TEXT
}

case ${1:-} in
  --help | -h) usage && exit 0 ;;
  preprovision | prepackage | postdeploy) hook=$1 ;;
  *) usage >&2 && die "unknown hook: ${1:-none}" ;;
esac
if [ "$hook" = prepackage ]; then
  python scripts/package.py dist/azd >&2
  exit 0
fi
group=${AZURE_RESOURCE_GROUP:-}
[ -n "$group" ] || die "AZURE_RESOURCE_GROUP is not set. Run: azd env set AZURE_RESOURCE_GROUP NAME"
if [ "$hook" = postdeploy ]; then
  scripts/deploy.sh --resource-group "$group" --skip-infrastructure --skip-publish --package dist/azd
  exit 0
fi

begin "tools and login"
need_login
need_tool azd "This is a hook of azure.yaml."
begin "resource group $group"
# If the group does not exist, azd makes it after this, and there is nothing in it to keep or to recover.
[ "$(az group exists --name "$group" --output tsv)" = true ] || exit 0
begin "sign-in"
parameters=infra/azd.bicepparam
find_registration
[ -z "$registration" ] || azd env set TODO_ATTACH_ENTRA_CLIENT_ID "$registration"
say "   registration: ${registration:-none yet}"
begin "the alert \"silent\""
find_whether_code_is_live
azd env set TODO_ATTACH_CODE_IS_LIVE "$code_is_live"
begin "key vault"
: >"$scratch/parameters" # the prefix is the default, as in azd.bicepparam
recover_vault
