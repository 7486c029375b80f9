#!/usr/bin/env bash
# Checks a deployment as a support engineer would, changes nothing, and prints the results in plain lines.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/steps.sh
source scripts/steps.sh
trap 'rm -rf "$scratch"' EXIT

usage() {
  cat <<'TEXT'
usage: scripts/doctor.sh --resource-group NAME [--errors]

Asks the deployment in the resource group how it is. Changes nothing. Each line begins with

  ok       it is as it should be
  not ok   it is not; the next line says what to do
  unknown  it could not be asked; the next line says what right is missing

Exit code 0: everything is ok. 1: something is not. 2: nothing is wrong, but something could not be asked.

  --errors  show the errors of the last hour, too, where everything is ok
TEXT
}

group='' show=no
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group) value_of "$1" $# && group=$2 && shift 2 ;;
    --errors) show=yes && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }
need_tool python3 "It reads what Azure answers."
need_login

wrong=no unknown=no
ok() { printf 'ok       %s\n' "$1"; }
# not_ok WHAT REMEDY
not_ok() {
  printf 'not ok   %s\n         -> %s\n' "$1" "$2"
  wrong=yes
}
# cannot_tell WHAT RIGHT : prints the first line of Azure's error as well.
cannot_tell() {
  printf 'unknown  %s: %s\n         -> %s\n' "$1" "$(first_error)" "$2"
  unknown=yes
}
redeploy="scripts/deploy.sh --resource-group $group --parameters FILE"
operator_only="this needs the operator's roles: operatorPrincipalId in the parameter file"

if ! find_deployment; then
  not_ok "the deployment: none that succeeded" "$redeploy"
  exit 1
fi
ok "the deployment $deployed: $app, $storage"

# -- roles --

if read_access; then
  gone=$(grep -c '^missing' "$scratch/access" || true)
  beyond=$(grep -c '^beyond' "$scratch/access" || true)
  if [ "$gone" -gt 0 ]; then
    not_ok "roles: $gone of those that the deployment gave are gone" "$redeploy"
  else
    ok "roles: all that the deployment gave are there"
  fi
  if [ "$beyond" -gt 0 ]; then
    not_ok "access: $beyond assignments beyond the parameters ($(awk -F '\t' '$1 == "beyond" { print $4 " has " $2 " on " $3 }' "$scratch/access" | paste -s -d ';' -))" \
      "where that is not meant: $(awk -F '\t' '$1 == "beyond" { ids = ids " " $5 } END { print "az role assignment delete --ids" ids }' "$scratch/access")"
  else
    ok "access: only what the parameters give"
  fi
else
  cannot_tell "roles" "this needs the right to read role assignments of the subscription (Reader)"
fi

# -- the app --

state=$(az functionapp show --resource-group "$group" --name "$app" --query state --output tsv 2>"$errors" || true)
case $state in
  Running) ok "the app is running" ;;
  '') cannot_tell "the app" "this needs Reader on the resource group" ;;
  *) not_ok "the app is $state; events may be lost while it is (403 is not tried again)" "az functionapp start --resource-group $group --name $app" ;;
esac

check_names() {
  local names=$1 name missing=''
  for name in AzureWebJobsStorage__credential AzureWebJobsStorage__clientId AttachmentStorage__credential \
    AttachmentStorage__clientId TODO_ATTACH_CONTAINER TODO_ATTACH_QUEUE TODO_ATTACH_TABLE TODO_ATTACH_DEFAULT_ACCOUNT \
    TODO_ATTACH_SWEEP_SCHEDULE TODO_ATTACH_CATCH_UP_SCHEDULE; do
    grep -qx "$name" <<<"$names" || missing="$missing $name"
  done
  if [ -n "$missing" ]; then
    not_ok "settings: missing$missing" "$redeploy"
  elif grep -qx AzureWebJobsStorage <<<"$names"; then
    not_ok "settings: a plain AzureWebJobsStorage wins over the managed identity" \
      "az functionapp config appsettings delete --resource-group $group --name $app --setting-names AzureWebJobsStorage"
  else
    ok "settings: complete, and no connection string beside the managed identity"
  fi
}
if names=$(az functionapp config appsettings list --resource-group "$group" --name "$app" --query "[].name" --output tsv \
  2>"$errors"); then
  check_names "$names"
else
  cannot_tell "settings" "this needs Website Contributor on the resource group"
fi

missing_functions
if [ -z "$missing_now" ]; then
  ok "functions: $(grep -c . <<<"$functions") indexed"
elif [ -n "$found" ]; then
  not_ok "functions: missing$missing_now" "$redeploy"
elif [ -s "$errors" ]; then
  cannot_tell "functions" "this needs Website Contributor on the resource group"
else
  not_ok "functions: none; the host could not load function_app.py" "look at the errors below; then $redeploy, or --prebuilt besides"
fi

told=$(host_status | paste -s -d ' ' - || true)
case $told in
  Running) ok "the host says: Running" ;;
  '') cannot_tell "the host's own state" "this needs Website Contributor on the resource group" ;;
  *) not_ok "the host says: $told" "look at the errors below; az functionapp restart --resource-group $group --name $app" ;;
esac

# -- events --

if has_webhook_key; then
  ok "the webhook has its key"
elif [ -s "$errors" ]; then
  cannot_tell "the webhook's key" "this needs Website Contributor on the resource group"
else
  not_ok "the webhook has no key: the host has not started with its storage" "az functionapp restart --resource-group $group --name $app"
fi

state=$(subscription_state)
case $state in
  Succeeded) ok "event subscription: Succeeded" ;;
  '') not_ok "event subscription: $(first_error)" "$redeploy" ;;
  *) not_ok "event subscription: $state" "$redeploy" ;;
esac

if count=$(az storage blob list --account-name "$storage" --container-name "$dead_letters" --auth-mode login \
  --query "length(@)" --output tsv 2>"$errors"); then
  if [ "${count:-0}" = 0 ]; then
    ok "dead letters: none"
  else
    not_ok "dead letters: $count that the app has not read yet" \
      "the app reads them every five minutes: ask again then; where they stay, look at the errors"
  fi
else
  cannot_tell "dead letters" "$operator_only"
fi

# -- messages and uploads --

for each in "$queue-poison" "$blob_poison"; do
  if count=$(az storage message peek --account-name "$storage" --queue-name "$each" --num-messages 32 --auth-mode login \
    --query "length(@)" --output tsv 2>"$errors"); then
    if [ "${count:-0}" = 0 ]; then
      ok "poison messages in $each: none"
    else
      not_ok "poison messages in $each: $count (of at most 32 that can be seen)" "they are taken up again by themselves; where they stay, look at the errors below"
    fi
  else
    cannot_tell "poison messages in $each" "$operator_only"
  fi
done

# The minutes since a time in ISO form.
minutes_since() {
  python -c 'import datetime as d, sys
then = d.datetime.fromisoformat(sys.argv[1].replace("Z", "+00:00"))
now = d.datetime.now(d.timezone.utc)
print(int((now - (then if then.tzinfo else then.replace(tzinfo=d.timezone.utc))).total_seconds() // 60))' "$1"
}
if read_heartbeat; then
  minutes=$(minutes_since "$beat_at" 2>"$errors") || minutes=unknown
  what="version $beat_version, package $(cut -c 1-12 <<<"$beat_package")"
  case $minutes in
    unknown) cannot_tell "last sweep" "its time cannot be read: $beat_at" ;;
    *)
      if [ "$minutes" -le 15 ]; then
        ok "last sweep: $minutes minutes ago, $what"
      else
        not_ok "last sweep: $minutes minutes ago, $what" "the timer does not run: look at the errors below; az functionapp restart --resource-group $group --name $app"
      fi
      ;;
  esac
elif grep -qi 'ResourceNotFound\|does not exist' "$errors"; then
  not_ok "last sweep: none has ever reported" "the code does not run, or not with its settings and storage: look at the errors below"
else
  cannot_tell "last sweep" "$operator_only"
fi

if [ -n "$silent_alert" ]; then
  if silent_alert_runs; then
    ok "the alert silent is on"
  elif [ -s "$errors" ]; then
    cannot_tell "the alert silent" "this needs Monitoring Reader on the resource group"
  else
    not_ok "the alert silent is off: nobody hears of an application that does not run" "$redeploy, which switches it on at its end"
  fi
fi

count_phase() {
  az storage entity query --account-name "$storage" --table-name "$table" --auth-mode login \
    --filter "RowKey eq 'entry' and phase eq '$1'" --select phase --query "length(items)" --output tsv 2>"$errors"
}
if count=$(count_phase failed); then
  # This is history and not a state, so it is shown, but never counts as "not ok".
  ok "uploads that failed: ${count:-0}; docs/operations.md, \"Alert: failed\", shows which"
else
  cannot_tell "uploads that failed" "$operator_only"
fi

# -- sign-in --

if [ -z "$registration" ]; then
  not_ok "sign-in: not switched on; every file waits" "scripts/connect-entra.sh --resource-group $group"
else
  if az rest --method get --url "${connect_url%/}/connect" --skip-authorization-header >/dev/null 2>"$errors"; then
    ok "sign-in: $connect_url/connect answers"
  else
    not_ok "sign-in: $connect_url/connect does not answer: $(first_error)" "the log names each setting that cannot be used: look at the errors below"
  fi
  # The preflight request of a browser before it sends a file from the page. Storage answers it to everyone, whether or not the
  # blob exists.
  origin=$(cut -d / -f 1-3 <<<"$connect_url" | tr '[:upper:]' '[:lower:]')
  if az rest --method options --url "$blob_uri$container/preflight" --skip-authorization-header --headers "Origin=$origin" \
    Access-Control-Request-Method=PUT Access-Control-Request-Headers=content-type,x-ms-blob-type,x-ms-version \
    >/dev/null 2>"$errors"; then
    ok "sending from the page: storage takes files from $origin"
  else
    not_ok "sending from the page: storage takes no file from $origin: $(first_error)" "$redeploy"
  fi
  if count=$(count_phase waiting); then
    if [ "${count:-0}" = 0 ]; then
      ok "sign-ins: no file waits for one"
    else
      not_ok "sign-ins: $count files wait for a person to sign in" "docs/operations.md, \"A file is waiting\", shows for whom"
    fi
  else
    cannot_tell "sign-ins that files wait for" "$operator_only"
  fi
fi

[ "$wrong" = no ] && [ "$show" = no ] || show_host
[ "$wrong" = no ] || exit 1
[ "$unknown" = no ] || exit 2
