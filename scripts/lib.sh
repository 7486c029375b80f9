# shellcheck shell=bash
# What the scripts for Azure share: how they speak, wait and fail. Sourced, never run. Bash 3.2 (macOS) is enough.

# Seconds between two tries of what is known to lag.
pause_seconds=${TODO_ATTACH_PAUSE_SECONDS:-15}
# shellcheck disable=SC2034 # the scripts that source this one use these
deployment_name=todo-attach
# What a role that was given a moment ago looks like.
# shellcheck disable=SC2034
not_yet_allowed='403|Forbidden|ForbiddenByRbac|AuthorizationFailed|AuthorizationFailure|AuthorizationPermissionMismatch|not authorized|required permissions'

# Each argument is a line.
say() { printf '%s\n' "$@" >&2; }
die() {
  say "" "FAILED: $*"
  exit 1
}

step=none
begin() {
  step=$*
  say "" "== $*"
}

# To be trapped on EXIT: whatever stopped the script, say where, and that running it again is safe.
report_stop() {
  local status=$?
  rm -rf "$scratch"
  if [ "$status" -ne 0 ] && [ "$step" != none ]; then
    say "Stopped in: $step." "Nothing has to be cleaned up: put it right and run the same command again."
  fi
}

scratch=$(mktemp -d)
errors=$scratch/errors
: >"$errors"

# An error about the webhook may quote its URL, and that holds a key.
show_errors() { sed -E 's/(code|sig|key)=[^&"'"'"' ]+/\1=***/g' "$errors" >&2; }

# The first line of the last error that says something, for a line of our own.
first_error() { sed -E 's/(code|sig|key)=[^&"'"'"' ]+/\1=***/g' "$errors" | grep -v '^WARNING' | grep -m 1 . | cut -c 1-160; }

# patiently TRIES PATTERN WHY COMMAND... : an error that has a word of PATTERN is known to pass and is tried again, TRIES
# times in all; any other error is final at once, and so is one that matches $final, where that is set. The command's
# output is passed on.
patiently() {
  local tries=$1 pattern=$2 why=$3 attempt
  shift 3
  for ((attempt = 1; ; attempt++)); do
    if "$@" 2>"$errors"; then
      show_errors
      return 0
    fi
    if ! grep -qiwE "$pattern" "$errors" || { [ -n "${final:-}" ] && grep -qiE "$final" "$errors"; }; then
      show_errors
      return 1
    fi
    if [ "$attempt" -ge "$tries" ]; then
      show_errors
      say "   Gave up after $tries tries: $why."
      return 1
    fi
    say "   Not yet ($why); try $attempt of $tries, again in $pause_seconds s."
    sleep "$pause_seconds"
  done
}

need_tool() {
  command -v "$1" >/dev/null 2>&1 || die "the command $1 was not found. $2"
}

need_login() {
  need_tool az "Install the Azure CLI, 2.91 or newer."
  account=$(az account show --query "join('  ', [name, id])" --output tsv 2>"$errors") ||
    die "nobody is signed in to Azure. Run: az login"
  say "   subscription: $account"
}

# The Python of the checkout where there is one: it has pip, and the version that the application runs on.
python() {
  if [ -x .venv/bin/python ]; then .venv/bin/python "$@"; else python3 "$@"; fi
}

# The option $1 was given the value $2, which must be there.
value_of() {
  [ "$2" -ge 2 ] || die "$1 needs a value"
}

# Names of Azure are the same in capitals and small letters, and it is not consistent in how it writes them.
lower() { tr '[:upper:]' '[:lower:]'; }

# read_outputs GROUP NAME... : the outputs NAME... of the last good deployment into GROUP, into variables of the same
# names. Deployed by deploy.sh it has the name todo-attach; by azd, one with a date.
read_outputs() {
  local group=$1 name query='' value
  shift
  deployed=$(az deployment group list --resource-group "$group" --output tsv --query \
    "sort_by([?properties.provisioningState=='Succeeded' && properties.outputs.systemTopicName], &properties.timestamp)[-1].name" \
    2>"$errors") || return 1
  [ -n "$deployed" ] && [ "$deployed" != None ] || return 1
  for name in "$@"; do query="$query${query:+, }$name.value"; done
  az deployment group show --resource-group "$group" --name "$deployed" --output tsv \
    --query "properties.outputs.[$query]" >"$scratch/outputs" 2>"$errors" || return 1
  while [ $# -gt 0 ]; do
    IFS= read -r value || value=''
    # What tsv writes for null, which is an output that an older deployment does not have.
    [ "$value" != None ] || value=''
    printf -v "$1" '%s' "$value"
    shift
  done <"$scratch/outputs"
}

# tag PATH NAME : one index tag of the blob at PATH (container/name, percent-encoded) below $blob_uri. By az rest: the
# commands for tags (az storage blob tag) are not in the Azure CLI but in an extension.
tag() {
  # shellcheck disable=SC2154 # the script that calls this one sets blob_uri
  az rest --method get --resource https://storage.azure.com/ --headers x-ms-version=2023-11-03 --output tsv \
    --url "${blob_uri%/}/$1?comp=tags" 2>"$errors" | sed -n "s:.*<Key>$2</Key><Value>\([^<]*\)</Value>.*:\1:p"
}

# answers_connect ROOT : whether the app's page for connecting sends a browser on to the identity provider, whose page then
# answers. It shows that the settings of sign-in can be used, not that the registration is right.
answers_connect() {
  # Without a token, as a browser comes; and without the page.
  patiently 12 '404|Not Found|502|Bad Gateway|503|Service Unavailable|504|timed out|Connection aborted|Connection refused|Max retries' \
    "the app starts with its settings" \
    az rest --method get --url "${1%/}/connect" --skip-authorization-header >/dev/null ||
    { say "   $1/connect does not answer. Where the app cannot use its settings, its log names each mistake." && return 1; }
  say "   $1/connect leads on to it"
}
