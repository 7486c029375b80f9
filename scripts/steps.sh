# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the script that sources this sets `group`, and uses what the steps find out
# The steps of a deployment, for the scripts that need some of them. Sourced after lib.sh, never run.

functions=$(sed -n 's/^@app\.function_name("\([a-z_]*\)")$/\1/p' function_app.py)
# Packages that have proven themselves are kept here: a rollback needs nothing else.
packages=${TODO_ATTACH_PACKAGES:-.local/packages}

# -- what was deployed --

# The names that the later steps need, from the last good deployment.
find_deployment() {
  read_outputs "$group" functionAppName storageAccountName attachmentsContainer deadLettersContainer queueName \
    blobPoisonQueueName tableName systemTopicName keyVaultName identityResourceId identityPrincipalId blobServiceUri \
    entraClientId connectUrl workspaceName silentAlertId || return 1
  app=$functionAppName storage=$storageAccountName container=$attachmentsContainer dead_letters=$deadLettersContainer
  queue=$queueName blob_poison=$blobPoisonQueueName table=$tableName topic=$systemTopicName vault=$keyVaultName
  identity=$identityResourceId blob_uri=$blobServiceUri registration=$entraClientId connect_url=$connectUrl
  workspace=$workspaceName silent_alert=$silentAlertId
  # An id is /subscriptions/ID/resourceGroups/NAME/providers/...
  group_id=${identity%%/providers/*}
  [ -n "$app" ] && [ -n "$storage" ] && [ -n "$group_id" ]
}

# Compiles a parameter file and reads its values, for `parameter NAME`.
read_parameters() {
  case $1 in
    *.bicepparam)
      az bicep build-params --file "$1" --stdout >"$scratch/built.json" 2>"$errors" || {
        show_errors
        die "the parameter file $1 has a mistake; it is named above"
      }
      ;;
    *) cp "$1" "$scratch/built.json" ;;
  esac
  python scripts/parameters.py <"$scratch/built.json" >"$scratch/parameters" || die "$1 cannot be read"
}
# parameter NAME : prints the value; nothing, where the file does not set it. The names do not depend on case.
parameter() { awk -F '\t' -v name="$1" 'tolower($1) == tolower(name) { print $2 }' "$scratch/parameters"; }

# -- before the infrastructure --

# When a resource group is deleted, its vault is soft-deleted for 90 days and keeps its name: the same deployment cannot make
# it again, so it is recovered here. The template's `createMode: recover` would not do, since it fails once the vault is back.
# A vault of another name is left alone, even if it once was in this group.
recover_vault() {
  local deleted name region
  if ! deleted=$(az keyvault list-deleted --resource-type vault --query "[].[name, properties.location]" --output tsv \
    2>"$errors"); then
    say "   (may not list deleted key vaults; should one be in the way, docs/deploying.md says what to do)"
    return 0
  fi
  [ -n "$deleted" ] || return 0
  name=$(parameter prefix)
  name=$(az deployment group create --resource-group "$group" --name "$deployment_name-names" \
    --template-file infra/names.json --parameters "prefix=${name:-todoattach}" \
    --query properties.outputs.vaultName.value --output tsv) || die "the name of the key vault could not be found out"
  region=$(awk -F '\t' -v name="$name" 'tolower($1) == tolower(name) { print $2 }' <<<"$deleted")
  [ -n "$region" ] || return 0
  begin "recovering the deleted key vault $name"
  patiently 8 'Conflict|InProgress|TooManyRequests|429|500|502|503|504' "Azure is busy" \
    az keyvault recover --name "$name" --location "$region" --output none ||
    die "the key vault $name was not recovered. The accounts' key is in it; without it the deployment cannot go on"
}

# Finds the registration that scripts/connect-entra.sh has set on the app. A deployment without it would switch sign-in off.
find_registration() {
  local apps
  apps=$(az functionapp list --resource-group "$group" --query "[?starts_with(name, 'func-')].name" --output tsv) ||
    die "cannot tell whether the app is there already"
  [ "$(grep -c . <<<"$apps" || true)" -le 1 ] ||
    die "several apps are named func-*, and any may be this one: say in $parameters what entraClientId is"
  registration=''
  [ -z "$apps" ] || registration=$(az functionapp config appsettings list --resource-group "$group" --name "$apps" \
    --query "[?name=='TODO_ATTACH_ENTRA_CLIENT_ID'].value" --output tsv) ||
    die "cannot tell which registration people sign in with: say in $parameters what entraClientId is"
}

# -- the alert "silent" --

# It fires when no sweep reports, and none does before the code is live for the first time: so it is switched on last. The
# API's version is that of infra/modules/alerts.bicep.
silent_alert_url() { echo "$silent_alert?api-version=2026-03-01"; }

# silent_alert_runs : whether the rule is switched on. It is also false where there is no such rule, and where Azure gives no
# answer: the end of a deployment corrects both.
silent_alert_runs() {
  [ -n "$silent_alert" ] || return 1
  [ "$(az rest --method get --url "$(silent_alert_url)" --query properties.enabled --output tsv 2>"$errors" || true)" = true ]
}

# Finds whether published code runs already, and sets $code_is_live to `true` or `false`, for the parameter codeIsLive.
find_whether_code_is_live() {
  silent_alert='' code_is_live=false
  if read_outputs "$group" silentAlertId; then
    silent_alert=$silentAlertId
  elif [ -s "$errors" ]; then
    show_errors
    die "cannot tell whether an earlier deployment runs already"
  fi
  ! silent_alert_runs || code_is_live=true
}

switch_silent_alert_on() {
  [ -n "$silent_alert" ] || return 0
  begin "the alert \"silent\""
  if silent_alert_runs; then
    say "   it is on"
    return 0
  fi
  patiently 4 'TooManyRequests|429|500|502|503|504|Conflict' "Azure is busy" \
    az rest --method patch --url "$(silent_alert_url)" --body '{"properties": {"enabled": true}}' --output none ||
    die "the alert \"silent\" could not be switched on: nobody would hear of an application that does not run"
  say "   switched on: from now on it fires when no sweep reports for half an hour"
}

# -- publishing --

# Errors while the deployment site starts, while roles spread, and while the host name of a new site is not known yet.
site_lags='403|Forbidden|not authorized|409|ongoing deployment|Conflict|500|Internal Server Error|502|Bad Gateway|503|Service Unavailable|504|timed out|Connection aborted|Connection refused|Connection reset|Max retries|NameResolutionError|Failed to resolve|getaddrinfo failed|Name or service not known|nodename nor servname|Could not resolve host|temporary failure in name resolution'
# Errors after which the package is uploaded, and the CLI only does not know how it went on: the next steps look at the app.
uploaded='Deployment was successful but|Failed to fetch host key|Failed to fetch host url|Timeout reached by the command|Failed to retrieve deployment status'
# Errors of a build in Azure that ran on another Python than the app's (Azure/azure-dev#8538, microsoft/Oryx#2833).
other_python="platform-version 3\.([0-9]|1[0-24-9])([^0-9]|$)|version '?3\.13[^ ]* is unsupported|supported versions.*3\.|Could not find cached tarball for python|Could not find a version that satisfies|No matching distribution found|requires a different python|Ignored the following versions that require a different python"

publish_source() {
  az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" \
    --build-remote true --timeout 900 --output none && return 0
  grep -qE "$uploaded" "$errors" || return 1
  echo "   (uploaded; the CLI does not know how it went on. The next steps look whether it runs.)" >&2
}

# The CLI builds every Python app remotely, whatever --build-remote says (2.91). So curl sends a prebuilt package to the same
# address. The token goes from file to file: everyone on the machine can see a command line.
publish_prebuilt() {
  local code attempt status
  code=$(curl --config "$scratch/curl" --silent --show-error --request POST --header "Content-Type: application/zip" \
    --data-binary "@$package" --output "$scratch/answer" --write-out '%{http_code}' \
    "https://$site/api/publish?RemoteBuild=false&Deployer=todo-attach") || return 1
  if [ "$code" != 202 ] && [ "$code" != 200 ]; then
    echo "The deployment site answered $code: $(cut -c 1-500 "$scratch/answer" 2>/dev/null)" >&2
    return 1
  fi
  for ((attempt = 1; attempt <= 40; attempt++)); do
    curl --config "$scratch/curl" --silent --output "$scratch/answer" "https://$site/api/deployments/latest" || true
    status=$(python -c 'import json, sys; print(json.load(sys.stdin).get("status"))' <"$scratch/answer" 2>/dev/null || true)
    case $status in
      4) return 0 ;;
      3 | -1 | 5 | 6) echo "The deployment failed (status $status): $(cut -c 1-500 "$scratch/answer")" >&2 && return 1 ;;
    esac
    sleep "$pause_seconds"
  done
  echo "   (uploaded; the deployment site does not say how it ended. The next steps look whether it runs.)" >&2
}

# Publishes $package, which is $package_kind: `source` or `prebuilt`.
publish() {
  local final=''
  mkdir -p "$packages/$group"
  echo "$package_hash" >"$packages/$group/published"
  if [ "$package_kind" = prebuilt ]; then
    begin "publish (built here)"
    need_tool curl "It uploads a package that was built here."
    site=$(az functionapp show --resource-group "$group" --name "$app" --output tsv \
      --query "hostNameSslStates[?hostType=='Repository'].name | [0]") || die "cannot tell the deployment site of $app"
    az account get-access-token --query accessToken --output tsv 2>"$errors" | tr -d '\r\n' |
      sed 's/^/header = "Authorization: Bearer /; s/$/"/' >"$scratch/curl"
    grep -q 'Bearer .' "$scratch/curl" || { show_errors && die "no token for the deployment site"; }
    patiently 40 "$site_lags" "roles spread, the deployment site wakes, or another deployment runs" publish_prebuilt ||
      die "the code was not published. If it was a 403: the identity's role on storage account $storage may still spread"
  else
    begin "publish (the build runs in Azure; some minutes)"
    final=$other_python
    patiently 40 "$site_lags" "roles spread, the deployment site wakes, or another deployment runs" publish_source || {
      ! grep -qiE "$other_python" "$errors" ||
        die "the build in Azure ran on another Python than 3.13, or cannot find the packages: it is not the code.
        Build here instead: the same command with --prebuilt"
      die "the code was not published. If it was a 403: the identity's role on storage account $storage may still spread"
    }
  fi
}

# -- proof that the app runs --

# The address of the host's own pages, through Azure Resource Manager: so no key of the app comes to this machine. Not seen on
# Flex Consumption.
host_url() { echo "$group_id/providers/Microsoft.Web/sites/$app/hostruntime/admin/$1?api-version=2024-11-01"; }
host_status() {
  az rest --method get --url "$(host_url host/status)" --query "[state, errors[]][]" --output tsv 2>"$errors" |
    grep -v '^None$'
}

# Shows the host's state and errors, and the last lines of the log. It never fails, since it explains another failure.
show_host() {
  local told id
  told=$(host_status | tr '\n' ' ' || true)
  say "   the host says of itself: ${told:-nothing}"
  id=$(az monitor log-analytics workspace show --resource-group "$group" --workspace-name "$workspace" \
    --query customerId --output tsv 2>/dev/null || true)
  python -c 'import json, sys; print(json.dumps({"query": open(sys.argv[1], encoding="utf-8").read()}))' \
    scripts/host-errors.kql >"$scratch/query.json"
  told=$(az rest --method post --resource https://api.loganalytics.io \
    --url "https://api.loganalytics.io/v1/workspaces/$id/query" --body "@$scratch/query.json" \
    --query "tables[0].rows[*][0]" --output tsv 2>/dev/null || true)
  if [ -n "$told" ]; then
    say "   errors of the last hour, newest first:" "$told"
  else
    say "   no errors in the workspace of the last hour; they arrive some minutes late. To look again:" \
      "     scripts/doctor.sh --resource-group $group"
  fi
}

# If a connection is set in two ways, the host uses the plain connection string, and does not say so.
check_settings() {
  local plain
  begin "settings"
  plain=$(az functionapp config appsettings list --resource-group "$group" --name "$app" \
    --query "[?name=='AzureWebJobsStorage'].name" --output tsv) || die "cannot read the settings of $app"
  [ -z "$plain" ] ||
    die "$app has a plain setting AzureWebJobsStorage, which wins over the managed identity: the host would fail with 403.
        A tool added it. Run this again after: az functionapp config appsettings delete --resource-group $group --name $app --setting-names AzureWebJobsStorage"
  say "   no connection string beside the managed identity"
}

# missing_functions : sets $missing_now to the functions of function_app.py that Azure does not list.
missing_functions() {
  local function missing=''
  found=$(az functionapp function list --resource-group "$group" --name "$app" --query "[].name" --output tsv 2>"$errors" || true)
  for function in $functions; do
    grep -qE "(^|/)$function\$" <<<"$found" || missing="$missing $function"
  done
  missing_now=$missing
}

check_functions() {
  local attempt
  begin "functions"
  for ((attempt = 1; ; attempt++)); do
    missing_functions
    [ -n "$missing_now" ] || break
    if [ "$attempt" -ge 20 ]; then
      show_errors
      show_host
      [ -n "$found" ] || die "the app runs with no functions at all: the host could not load function_app.py"
      die "these functions are missing:$missing_now"
    fi
    say "   Not yet (missing:$missing_now); try $attempt of 20, again in $pause_seconds s."
    sleep "$pause_seconds"
  done
  say "   all there: $(tr '\n' ' ' <<<"$functions")"
}

# It asks only whether there is a key. The key itself is read by Azure Resource Manager, and never comes to this machine.
has_webhook_key() {
  [ "$(az functionapp keys list --resource-group "$group" --name "$app" \
    --query "systemKeys.blobs_extension != null" --output tsv 2>"$errors" || true)" = true ]
}

check_webhook_key() {
  local attempt
  begin "the webhook's key"
  for ((attempt = 1; ; attempt++)); do
    ! has_webhook_key || break
    if [ "$attempt" -ge 20 ]; then
      show_errors
      show_host
      die "the host made no key for the blob extension: it does not start, or not with its storage.
        Try: az functionapp restart --resource-group $group --name $app"
    fi
    say "   Not yet; try $attempt of 20, again in $pause_seconds s."
    sleep "$pause_seconds"
  done
  say "   it is there"
}

subscribe() {
  local state
  begin "event subscription"
  patiently 10 'handshake|host runtime|blobs_extension|401|403|404|409|502|503|504|timed out|TooManyRequests|InternalServerError|OperationInProgress|AnotherOperationInProgress|another operation is in progress' \
    "the app must answer Event Grid's handshake first" \
    az deployment group create --resource-group "$group" --name "$deployment_name-subscription" \
    --template-file infra/subscription.bicep --output none --parameters \
    "functionAppName=$app" "systemTopicName=$topic" "storageAccountName=$storage" "identityResourceId=$identity" \
    "attachmentsContainer=$container" "deadLettersContainer=$dead_letters" ||
    die "no event subscription: files will not be seen. The handshake needs a running app without access restrictions"
  # Succeeded means that Event Grid has asked the webhook to validate itself, and that the webhook has answered.
  state=$(subscription_state)
  [ "$state" = Succeeded ] || die "Event Grid says of the subscription: ${state:-nothing}. Files would not be seen"
  say "   the webhook answered Event Grid's validation"
}

subscription_state() {
  az eventgrid system-topic event-subscription show --resource-group "$group" --system-topic-name "$topic" \
    --name blob-created --query provisioningState --output tsv 2>"$errors" || true
}

# read_heartbeat : sets beat_package, beat_at and beat_version to what the last sweep wrote into the ledger.
read_heartbeat() {
  beat_package='' beat_at='' beat_version=''
  az storage entity show --account-name "$storage" --table-name "$table" --auth-mode login \
    --partition-key heartbeat --row-key sweep --query "[package, at, version]" --output tsv \
    >"$scratch/heartbeat" 2>"$errors" || return 1
  { read -r beat_package && read -r beat_at && read -r beat_version; } <"$scratch/heartbeat" || true
  [ -n "$beat_package" ]
}

# The proof: a sweep of the published package has reported, so its settings, storage and roles work. That functions are
# listed, and that the host says it is running, does not prove any of that.
check_heartbeat() {
  local attempt
  begin "the code that was published runs"
  # Old instances go on for a while, and the timer may fire minutes later: this asks the host to run the sweep now.
  az rest --method post --url "$(host_url functions/sweep)" --body '{}' >/dev/null 2>"$errors" ||
    say "   (the sweep could not be started by hand; waiting for its timer)"
  for ((attempt = 1; ; attempt++)); do
    if read_heartbeat && [ "$beat_package" = "$package_hash" ]; then
      say "   version $beat_version swept at $beat_at"
      return 0
    fi
    if [ "$attempt" -ge 48 ]; then
      show_errors
      ! grep -qiwE "$not_yet_allowed" "$errors" ||
        die "you may not read the ledger, so it cannot be found out whether the code runs. It needs the role Storage Table Data
        Reader, which the operator has (operatorPrincipalId); --operator none leaves this out"
      show_host
      [ -n "$beat_package" ] || die "no sweep has reported: the code does not run, or not with its settings and storage"
      die "another package runs than the one that was published. Published: $package_hash.
        Swept last, at $beat_at: $beat_package (version $beat_version)"
    fi
    say "   Not yet; try $attempt of 48, again in $pause_seconds s."
    sleep "$pause_seconds"
  done
}

check_sign_in_page() {
  [ -n "$registration" ] || return 0
  begin "sign-in page"
  answers_connect "$connect_url" || { show_host && die "people cannot sign in; the reason is above"; }
}

# Everything after publishing, up to the proof. $looks: `no` where there is no operator who may look into the ledger.
prove() {
  check_settings
  check_functions
  check_webhook_key
  subscribe
  check_sign_in_page
  if [ "$looks" = yes ]; then
    check_heartbeat
  else
    say "" "   (no operator: nobody may read the ledger, so it was not checked whether the code runs)"
  fi
}

# Keeps the package, for a rollback, once it has proven that it runs.
keep_package() {
  local good=$packages/$group/good newest
  mkdir -p "$good"
  newest=$(find "$good" -name '*.zip' | sort | tail -n 1)
  case $newest in *-"${package_hash:0:12}".zip) return 0 ;; esac
  cp "$package" "$good/$(date -u +%Y%m%dT%H%M%SZ)-${package_hash:0:12}.zip"
  # Five are enough to go back to.
  find "$good" -name '*.zip' | sort -r | tail -n +6 | while IFS= read -r old; do rm -f "$old"; done
}

# -- who has access --

# Writes the lines of scripts/access.py to $scratch/access; false where Azure gives no answer.
read_access() {
  local correlation
  : >"$scratch/access"
  correlation=$(az deployment group show --resource-group "$group" --name "$deployed" \
    --query properties.correlationId --output tsv 2>"$errors") && [ -n "$correlation" ] || return 1
  # The modules are deployments of their own, with the same correlation id.
  az deployment group list --resource-group "$group" --output tsv \
    --query "[?properties.correlationId=='$correlation'].properties.outputResources[].id" >"$scratch/given" 2>"$errors" ||
    return 1
  grep -qi roleAssignments "$scratch/given" || return 1
  az role assignment list --all --output json >"$scratch/assignments" 2>"$errors" || return 1
  python scripts/access.py --group "$group_id" --given "$scratch/given" <"$scratch/assignments" >"$scratch/access"
}

# A deployment removes no access: what an earlier one gave is still there.
show_access() {
  local kind role resource who id
  begin "who has access"
  if ! read_access; then
    say "   (cannot tell: it needs the right to read role assignments of the subscription)"
    return 0
  fi
  if ! grep -q '^beyond' "$scratch/access"; then
    say "   only those that the parameters name"
    return 0
  fi
  say "   Beyond what the parameters give (by hand, or by a former deployment; this one takes nothing away):"
  while IFS=$'\t' read -r kind role resource who id; do
    [ "$kind" != beyond ] || say "   - $who: $role on $resource" "     az role assignment delete --ids $id"
  done <"$scratch/access"
}
