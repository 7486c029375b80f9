#!/usr/bin/env bash
# What became of a file: its state and the reason, as the tags on it tell. Needs the role of those who put files.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap 'rm -rf "$scratch"' EXIT

account='' container=attachments name='' suffix=blob.core.windows.net
while [ $# -ge 2 ]; do
  case $1 in
    --account) account=$2 ;;
    --container) container=$2 ;;
    --name) name=$2 ;;
    --suffix) suffix=$2 ;; # of the cloud, where it is not the public one
    *) break ;;
  esac
  shift 2
done
if [ $# -ne 0 ] || [ -z "$account" ] || [ -z "$name" ]; then
  echo "usage: scripts/outcome.sh --account ACCOUNT --name BLOB [--container attachments]" >&2
  exit 2
fi
need_tool python3 "It encodes the name."
path=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$container/$name")
# shellcheck disable=SC2034 # tag uses it
blob_uri=https://$account.$suffix
state=$(tag "$path" todo_state) || { show_errors && exit 1; }
reason=$(tag "$path" todo_reason)
echo "${state:-no outcome yet}${reason:+: $reason}"
