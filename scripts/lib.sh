# shellcheck shell=bash
# What the scripts for Azure share: output, retries and errors. Sourced, never run. Bash 3.2 (macOS) is enough.

# Seconds between two tries of something that Azure is known to make available only after a while.
pause_seconds=${TODO_ATTACH_PAUSE_SECONDS:-15}
# shellcheck disable=SC2034 # the scripts that source this one use these
deployment_name=todo-attach
# Errors that may mean that a role was given only a moment ago.
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

# For a trap on EXIT: says where the script stopped, whatever stopped it, and that it is safe to run it again.
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

# The first line of the last error that is not a warning, to be quoted in a line of our own.
first_error() { sed -E 's/(code|sig|key)=[^&"'"'"' ]+/\1=***/g' "$errors" | grep -v '^WARNING' | grep -m 1 . | cut -c 1-160; }

# patiently TRIES PATTERN WHY COMMAND... : runs the command, and again after an error that has a word of PATTERN, up to TRIES
# times in all. Any other error is final at once, and so is one that matches $final, where that is set. The command's output
# is passed on.
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

# The checkout's Python, if there is one: it has pip, and it is the version that the application runs on.
python() {
  if [ -x .venv/bin/python ]; then .venv/bin/python "$@"; else python3 "$@"; fi
}

# value_of OPTION COUNT : ends the script unless COUNT, the number of words left, has room for the option's value.
value_of() {
  [ "$2" -ge 2 ] || die "$1 needs a value"
}

# Azure's names do not depend on case, and Azure is not consistent in how it writes them.
lower() { tr '[:upper:]' '[:lower:]'; }

# read_outputs GROUP NAME... : the outputs NAME... of the last good deployment into GROUP, into variables of the same
# names. A deployment by deploy.sh has the name todo-attach; one by azd has a name with a date.
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
    # tsv writes None for null: an older deployment does not have this output.
    [ "$value" != None ] || value=''
    printf -v "$1" '%s' "$value"
    shift
  done <"$scratch/outputs"
}

# tag PATH NAME : prints one index tag of the blob at PATH (container/name, percent-encoded) below $blob_uri. It uses az rest,
# since the commands for tags (az storage blob tag) are not in the Azure CLI but in an extension.
tag() {
  # shellcheck disable=SC2154 # the script that calls this one sets blob_uri
  az rest --method get --resource https://storage.azure.com/ --headers x-ms-version=2023-11-03 --output tsv \
    --url "${blob_uri%/}/$1?comp=tags" 2>"$errors" | sed -n "s:.*<Key>$2</Key><Value>\([^<]*\)</Value>.*:\1:p"
}

# answers_connect ROOT : whether the app's page for connecting redirects a browser to the identity provider, and that answers
# with a page. This proves that the settings of sign-in can be used, but not that the registration is right.
answers_connect() {
  # Without a token, like a browser. The page itself is not printed.
  patiently 12 '404|Not Found|502|Bad Gateway|503|Service Unavailable|504|timed out|Connection aborted|Connection refused|Max retries' \
    "the app starts with its settings" \
    az rest --method get --url "${1%/}/connect" --skip-authorization-header >/dev/null ||
    { say "   $1/connect does not answer. Where the app cannot use its settings, its log names each mistake." && return 1; }
  say "   $1/connect leads on to it"
}
