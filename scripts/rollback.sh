#!/usr/bin/env bash
# Publishes the last good package again. The infrastructure, the ledger and connected accounts stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/steps.sh
source scripts/steps.sh
trap 'rm -rf "$scratch"' EXIT

usage() {
  cat <<'TEXT'
usage: scripts/rollback.sh --resource-group NAME [--package FILE]

Publishes the newest package that has proven itself in this resource group and is not the one that was published last,
and proves that it runs. scripts/deploy.sh keeps the last five of them in .local/packages/NAME/good, on the machine where
it ran; a deployment by the workflow keeps its own (docs/deploying.md, "Roll back").

  --resource-group NAME  where todo-attach is deployed
  --package FILE         this package instead
  --list                 show the packages that are kept here, newest first, and stop
TEXT
}

group='' package='' list=no
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group) value_of "$1" $# && group=$2 && shift 2 ;;
    --package) value_of "$1" $# && package=$2 && shift 2 ;;
    --list) list=yes && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }

kept=$(find "$packages/$group/good" -name '*.zip' 2>/dev/null | sort -r || true)
if [ "$list" = yes ]; then
  [ -n "$kept" ] || die "no package of $group is kept on this machine ($packages/$group/good)"
  printf '%s\n' "$kept"
  exit 0
fi
if [ -z "$package" ]; then
  published=$(cut -c 1-12 "$packages/$group/published" 2>/dev/null || true)
  package=$(grep -v -- "-${published:-none}\.zip$" <<<"$kept" | head -n 1 || true)
  [ -n "$package" ] || die "no earlier good package of $group is kept on this machine ($packages/$group/good).
        Another machine or the workflow may have one: --package FILE. Or deploy an earlier version from git:
        git checkout VERSION && scripts/deploy.sh --resource-group $group"
fi
say "Back to $package"
# Not with exec: the trap must still clean up.
scripts/deploy.sh --resource-group "$group" --skip-infrastructure --package "$package" --no-smoke
