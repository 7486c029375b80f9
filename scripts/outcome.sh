#!/usr/bin/env bash
# Says what became of a file: its state and the reason, as the tags on it say. It needs the role of a sender.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap 'rm -rf "$scratch"' EXIT

usage() {
  cat <<'TEXT'
usage: scripts/outcome.sh --account ACCOUNT --name BLOB [options]
       scripts/outcome.sh --local --name BLOB [--state DIR]

Says what became of a file: the state and the reason, from the index tags on the blob.

  --account ACCOUNT      the storage account
  --name BLOB            the whole name of the blob, with its folders
  --container CONTAINER  default: attachments
  --suffix SUFFIX        of another cloud than the public one (default: blob.core.windows.net)
  --local                ask the stack that runs on this machine (python -m local up)
  --state DIR            the local stack that keeps its data there
TEXT
}

account='' container=attachments name='' suffix=blob.core.windows.net locally=no state_dir=''
while [ $# -gt 0 ]; do
  case $1 in
    --account | --container | --name | --suffix | --state)
      value_of "$1" $#
      case $1 in
        --account) account=$2 ;;
        --container) container=$2 ;;
        --name) name=$2 ;;
        --suffix) suffix=$2 ;;
        --state) state_dir=$2 ;;
      esac
      shift 2
      ;;
    --local) locally=yes && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$name" ] || { usage >&2 && die "--name is missing"; }
if [ "$locally" = yes ]; then
  [ -z "$account" ] || die "--local asks this machine, and --account Azure: take one of the two"
  [ -x .venv/bin/python ] || die "the local stack needs ./setup first"
  .venv/bin/python scripts/local_outcome.py "$name" ${state_dir:+--state "$state_dir"}
  exit
fi
[ -n "$account" ] || { usage >&2 && die "--account is missing"; }
need_tool python3 "It encodes the name."
need_tool az "Install the Azure CLI, 2.91 or newer."
path=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$container/$name")
# shellcheck disable=SC2034 # tag uses it
blob_uri=https://$account.$suffix
state=$(tag "$path" todo_state) || { show_errors && exit 1; }
reason=$(tag "$path" todo_reason)
echo "${state:-no outcome yet}${reason:+: $reason}"
