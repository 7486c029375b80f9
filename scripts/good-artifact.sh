#!/usr/bin/env bash
# Finds the package to which the workflow rolls back: the newest that has proven that it runs, other than the last published.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap 'rm -rf "$scratch"' EXIT

usage() {
  cat <<'TEXT'
usage: scripts/good-artifact.sh --repository OWNER/NAME

Prints the id of a run of the workflow "deploy" and the name of its artifact, separated by a blank: the package to roll
back to. The workflow keeps an artifact published-HASH before it publishes, and good-HASH once the package has proven
that it runs. Uses gh, signed in.
TEXT
}

repository=''
while [ $# -gt 0 ]; do
  case $1 in
    --repository) value_of "$1" $# && repository=$2 && shift 2 ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$repository" ] || { usage >&2 && die "--repository is missing"; }
need_tool gh "It is GitHub's command line."
gh api --paginate "repos/$repository/actions/artifacts?per_page=100" --jq \
  '.artifacts[] | select(.expired | not) | [.created_at, .name, (.workflow_run.id | tostring)] | @tsv' \
  >"$scratch/artifacts" 2>"$errors" || { show_errors && die "the artifacts of $repository cannot be listed"; }
sort -r "$scratch/artifacts" | awk -F '\t' '
  $2 ~ /^published-/ && last == "" { last = substr($2, 11) }
  $2 ~ /^good-/ { good[++count] = substr($2, 6); run[count] = $3 }
  END {
    for (number = 1; number <= count; number++)
      if (good[number] != last) { print run[number], "good-" good[number]; exit }
  }' >"$scratch/found"
[ -s "$scratch/found" ] || die "no earlier good package is kept: the workflow keeps one for 90 days"
cat "$scratch/found"
