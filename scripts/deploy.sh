#!/usr/bin/env bash
# Deploys todo-attach into one resource group. Safe to run again after any failure, and to upgrade. People can sign in once
# scripts/connect-entra.sh has run after it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/deploy.sh --resource-group NAME [options]

  --resource-group NAME    where everything goes; made if --location is given and it does not exist
  --location REGION        region of a new resource group
  --parameters FILE        parameters (default: infra/main.bicepparam)
  --operator OBJECT_ID     who may set secrets and look into queues, ledger and dead letters (default: you);
                           "none" gives nobody that right, and skips the smoke test
  --operator-type TYPE     User (default), Group or ServicePrincipal
  --smoke-metadata "K=V .."  metadata of the test file, for example "list=Tasks task=Test": it must become attached,
                           or wait where its account has not connected. Without it the test file names no task and
                           must come back as rejected, which proves everything but Graph and sign-in
  --no-smoke               no test file
  --what-if                show what would change in Azure, and stop
TEXT
}

group='' location='' parameters=infra/main.bicepparam operator='' operator_type=User smoke_metadata=''
smoke=yes what_if=no
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group | --location | --parameters | --operator | --operator-type | --smoke-metadata)
      [ $# -ge 2 ] || die "$1 wants a value"
      case $1 in
        --resource-group) group=$2 ;;
        --location) location=$2 ;;
        --parameters) parameters=$2 ;;
        --operator) operator=$2 ;;
        --operator-type) operator_type=$2 ;;
        --smoke-metadata) smoke_metadata=$2 ;;
      esac
      shift 2
      ;;
    --no-smoke) smoke=no && shift ;;
    --what-if) what_if=yes && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }
[ -f "$parameters" ] || die "there is no file $parameters"

begin "tools and login"
need_tool python3 "It makes the package."
need_login
functions=$(sed -n 's/^@app\.function_name("\([a-z_]*\)")$/\1/p' function_app.py)

begin "resource group $group"
if [ "$(az group exists --name "$group" --output tsv)" != true ]; then
  [ -n "$location" ] || die "resource group $group does not exist; give --location to have it made"
  az group create --name "$group" --location "$location" --output none
fi

begin "who operates this"
if [ "$operator" = none ]; then
  operator=''
elif [ -z "$operator" ]; then
  operator=$(az ad signed-in-user show --query id --output tsv 2>"$errors") || {
    show_errors
    die "cannot tell who is signed in (an application, or a directory that does not say): give --operator OBJECT_ID
        and --operator-type, or --operator none"
  }
fi
say "   operator: ${operator:-nobody}"

# A vault is only soft-deleted with its resource group: its name stays taken until it is recovered.
recover=false
if deleted=$(az keyvault list-deleted --resource-type vault \
  --query "[?contains(properties.vaultId, '/resourceGroups/$group/')].name" --output tsv 2>"$errors"); then
  [ -z "$deleted" ] || { recover=true && say "   deleted key vault $deleted will be recovered"; }
else
  say "   (may not list deleted key vaults; should one be in the way, see docs/operations.md)"
fi

if grep -q "^param defaultAccount = 'someone@example.com'" "$parameters"; then
  say "   NOTE: defaultAccount in $parameters is still the example: files that name no user will wait for somebody who" \
    "   does not exist"
fi

begin "sign-in"
values=("$parameters" "operatorPrincipalId=$operator" "operatorPrincipalType=$operator_type" "recoverVault=$recover")
if grep -vE '^[[:space:]]*//' "$parameters" | grep entraClientId >/dev/null; then
  say "   as $parameters says"
else
  # What scripts/connect-entra.sh has set on the app stays: without it everybody would be signed out.
  apps=$(az functionapp list --resource-group "$group" --query "[?starts_with(name, 'func-')].name" --output tsv) ||
    die "cannot tell whether the app is there already"
  [ "$(grep -c . <<<"$apps" || true)" -le 1 ] ||
    die "several apps are named func-*, and any may be this one: say in $parameters what entraClientId is"
  registration=''
  [ -z "$apps" ] || registration=$(az functionapp config appsettings list --resource-group "$group" --name "$apps" \
    --query "[?name=='TODO_ATTACH_ENTRA_CLIENT_ID'].value" --output tsv) ||
    die "cannot tell which registration people sign in with: say in $parameters what entraClientId is"
  values+=("entraClientId=$registration")
  say "   registration: ${registration:-none yet}"
fi
if [ "$what_if" = yes ]; then
  begin "what would change"
  az deployment group what-if --resource-group "$group" --name "$deployment_name" \
    --template-file infra/main.bicep --parameters "${values[@]}"
  exit 0
fi

begin "infrastructure (some minutes)"
infrastructure() {
  az deployment group create --resource-group "$group" --name "$deployment_name" \
    --template-file infra/main.bicep --parameters "${values[@]}" --output tsv --query "properties.outputs.[
      functionAppName.value, storageAccountName.value, attachmentsContainer.value, deadLettersContainer.value,
      queueName.value, blobPoisonQueueName.value, tableName.value, systemTopicName.value, keyVaultName.value,
      identityResourceId.value, blobServiceUri.value, entraClientId.value, connectUrl.value]"
}
# A new identity is not known everywhere at once; two deployments at a time wait for each other.
outputs=$(patiently 4 'PrincipalNotFound|AnotherOperationInProgress|OperationInProgress|TooManyRequests|RetryableError|ServiceUnavailable|GatewayTimeout|InternalServerError' \
  "a new identity spreads, or Azure is busy" infrastructure) || die "the infrastructure was not deployed; the reason stands above"
{
  read -r app && read -r storage && read -r container && read -r dead_letters && read -r queue && read -r blob_poison &&
    read -r table && read -r topic && read -r vault && read -r identity && read -r blob_uri && read -r registration &&
    read -r connect_url
} <<<"$outputs" || die "the deployment did not tell the names of what it made"
say "   function app $app, storage account $storage, key vault $vault"

begin "package"
package=$scratch/app.zip
python3 scripts/package.py "$package" >&2

begin "publish (the build runs in Azure; some minutes)"
publish() {
  az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" \
    --build-remote true --timeout 900 --output none || {
    # Uploaded and built, but not healthy within the CLI's own patience: the next steps have more.
    grep -q 'Deployment was successful but' "$errors"
  }
}
patiently 8 '403|Forbidden|not authorized|409|ongoing deployment|Conflict|502|Bad Gateway|503|Service Unavailable|504|timed out|Connection aborted' \
  "roles spread, the deployment site wakes, or another deployment runs" publish ||
  die "the code was not published. If it was a 403: the identity's role on storage account $storage may still spread"

# A rolling update lets instances finish their slice; the default ends them. Younger than the API that infra/ pins.
az functionapp update-strategy config set --resource-group "$group" --name "$app" --type RollingUpdate \
  --output none 2>"$errors" || say "   (the rolling update strategy was not set: upgrades will end running instances)"

begin "functions"
for ((attempt = 1; ; attempt++)); do
  found=$(az functionapp function list --resource-group "$group" --name "$app" --query "[].name" --output tsv 2>"$errors" || true)
  missing=''
  for function in $functions; do
    grep -qE "(^|/)$function\$" <<<"$found" || missing="$missing $function"
  done
  [ -n "$missing" ] || break
  if [ "$attempt" -ge 20 ]; then
    show_errors
    [ -n "$found" ] || die "the app runs with no functions at all: the host could not load function_app.py.
        Look at: az webapp log tail --resource-group $group --name $app"
    die "these functions are missing:$missing"
  fi
  say "   Not yet (missing:$missing); try $attempt of 20, again in $pause_seconds s."
  sleep "$pause_seconds"
done
say "   all there: $(tr '\n' ' ' <<<"$functions")"

begin "the webhook's key"
for ((attempt = 1; ; attempt++)); do
  # Only whether it is there: the key itself is read by Azure Resource Manager, and never comes here.
  has_key=$(az functionapp keys list --resource-group "$group" --name "$app" \
    --query "systemKeys.blobs_extension != null" --output tsv 2>"$errors" || true)
  [ "$has_key" != true ] || break
  if [ "$attempt" -ge 20 ]; then
    show_errors
    die "the host made no key for the blob extension: it does not start, or not with its storage.
        Look at: az functionapp show --resource-group $group --name $app --query state
        and try: az functionapp restart --resource-group $group --name $app"
  fi
  say "   Not yet; try $attempt of 20, again in $pause_seconds s."
  sleep "$pause_seconds"
done

begin "event subscription"
patiently 10 'handshake|host runtime|blobs_extension|401|403|404|409|502|503|504|timed out|TooManyRequests|InternalServerError|OperationInProgress|AnotherOperationInProgress' \
  "the app must answer Event Grid's handshake first" \
  az deployment group create --resource-group "$group" --name "$deployment_name-subscription" \
  --template-file infra/subscription.bicep --output none --parameters \
  "functionAppName=$app" "systemTopicName=$topic" "storageAccountName=$storage" "identityResourceId=$identity" \
  "attachmentsContainer=$container" "deadLettersContainer=$dead_letters" ||
  die "no event subscription: files will not be seen. The handshake needs a running app without access restrictions"

if [ -n "$registration" ]; then
  begin "sign-in page"
  answers_connect "$connect_url" || die "people cannot sign in; the reason stands above"
fi

# What to do next, at the end of a run that went well.
next_step() {
  if [ -n "$registration" ]; then
    say "People connect their To Do at $connect_url/connect"
  else
    say "Nobody can connect a To Do yet, and every file waits. Next: scripts/connect-entra.sh --resource-group $group"
  fi
}

# -- a file goes through --

blob=deploy-smoke-test.txt
where_it_hangs() {
  local state count
  state=$(az eventgrid system-topic event-subscription show --resource-group "$group" --system-topic-name "$topic" \
    --name blob-created --query provisioningState --output tsv 2>/dev/null || true)
  say "   event subscription: ${state:-missing}"
  count=$(az storage blob list --account-name "$storage" --container-name "$dead_letters" --auth-mode login \
    --query "length(@)" --output tsv 2>/dev/null || true)
  say "   events that could not be delivered: ${count:-unknown}"
  for each in "$blob_poison" "$queue-poison"; do
    count=$(az storage message peek --account-name "$storage" --queue-name "$each" --num-messages 32 --auth-mode login \
      --query "length(@)" --output tsv 2>/dev/null || true)
    say "   messages in $each: ${count:-unknown}"
  done
  state=$(az storage entity query --account-name "$storage" --table-name "$table" --auth-mode login \
    --filter "RowKey eq 'entry' and blob_name eq '$blob'" --select phase reason detail created_at \
    --query "items[].join(' ', [created_at, phase, reason, detail])" --output tsv 2>/dev/null || true)
  if [ -n "$state" ]; then
    say "   the ledger knows it (newest last):" "$(sort <<<"$state" | tail -n 3)"
    say "=> It hangs between the first step and the report. Look at the log of send_range."
  else
    say "   the ledger does not know it"
    say "=> It hangs before the first step: the event did not arrive, or open_upload fails. Look at the log of open_upload."
  fi
}

if [ "$smoke" = no ] || [ -z "$operator" ]; then
  say "" "Deployed. No test file was put; put one into container $container of $storage, and ask what became of it:" \
    "  scripts/outcome.sh --account $storage --container $container --name FILE"
  next_step
  exit 0
fi

begin "smoke test"
expected=rejected
[ -z "$smoke_metadata" ] || expected=attached
printf 'A test of the deployment, %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$scratch/$blob"
# Something to say in either case: bash before 4.4 knows no empty array.
read -r -a metadata <<<"${smoke_metadata:-purpose=deployment-test}"
patiently 20 "$not_yet_allowed" "the operator's role on the container spreads" \
  az storage blob upload --account-name "$storage" --container-name "$container" --name "$blob" \
  --file "$scratch/$blob" --overwrite true --metadata "${metadata[@]}" --auth-mode login --no-progress --output none ||
  die "the test file could not be put; is $operator you?"
state=''
for ((attempt = 1; attempt <= 24; attempt++)); do
  state=$(tag "$container/$blob" todo_state || true)
  [ -z "$state" ] || break
  sleep "$pause_seconds"
done
reason=$(tag "$container/$blob" todo_reason || true)
case $state in
  "$expected") say "   $state ($reason), as it should be" ;;
  '')
    show_errors
    say "   The test file has no outcome after $((24 * pause_seconds)) s. Where it hangs:"
    where_it_hangs
    die "the test file did not go through"
    ;;
  waiting)
    [ "$expected" = attached ] || die "the test file names no task, and waits all the same: $reason"
    say "   waiting ($reason): everything up to Graph works, and its account has not connected." \
      "   It goes on by itself once that person has, and fails after the days of signInWaitDays."
    ;;
  *) die "the test file became $state: $reason" ;;
esac
say "" "Deployed, and a test file went through: put files into container $container of $storage."
next_step
