#!/usr/bin/env bash
# Deploys todo-attach into one resource group. It is safe to run again after any failure, and to upgrade. People can sign in
# after scripts/connect-entra.sh has run as well.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/steps.sh
source scripts/steps.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/deploy.sh --resource-group NAME [options]

Creates or updates everything in Azure, publishes the code, and ends only when the published code has proven that it
runs. It can be run again at any time.

  --resource-group NAME    where everything goes; made if --location is given and it does not exist
  --location REGION        region of a new resource group
  --parameters FILE        parameters (default: infra/main.bicepparam)
  --operator OBJECT_ID     who may set secrets and look into queues, ledger and dead letters (default: you); an
                           operatorPrincipalId in the parameter file decides instead. "none" gives nobody that right,
                           and leaves out what only an operator can see: whether the published code runs, and the test
                           file
  --operator-type TYPE     User (default), Group or ServicePrincipal
  --smoke-metadata "K=V .."  metadata of the test file, for example "list=Tasks task=Test": it must become attached,
                           or wait where its account has not connected. Without it the test file names no task and
                           must come back as rejected, which proves everything but Graph and sign-in
  --smoke-name NAME        name of the test file in the container (default: deploy-smoke-test.txt). With
                           --smoke-metadata, name a prefix that has an account here, if any has: "kim/test.txt"
  --no-smoke               no test file
  --prebuilt               build the package on this machine, from wheels with known hashes; nothing is built in Azure
  --package FILE           publish this package, which scripts/package.py made, and build none
  --skip-infrastructure    leave the infrastructure as it is: only publish, and prove
  --skip-publish           the code is published already (azd): only prove that it runs. Needs --package
  --what-if                show what would change in Azure, and stop
TEXT
}

group='' location='' parameters=infra/main.bicepparam operator='' operator_type='' package=''
smoke_metadata='' smoke_name=deploy-smoke-test.txt
smoke=yes what_if=no prebuilt=no infrastructure=yes publish=yes
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group | --location | --parameters | --operator | --operator-type | --package | \
      --smoke-metadata | --smoke-name)
      value_of "$1" $#
      case $1 in
        --resource-group) group=$2 ;;
        --location) location=$2 ;;
        --parameters) parameters=$2 ;;
        --operator) operator=$2 ;;
        --operator-type) operator_type=$2 ;;
        --smoke-metadata) smoke_metadata=$2 ;;
        --smoke-name) smoke_name=$2 ;;
        --package) package=$2 ;;
      esac
      shift 2
      ;;
    --no-smoke) smoke=no && shift ;;
    --prebuilt) prebuilt=yes && shift ;;
    --skip-infrastructure) infrastructure=no && shift ;;
    --skip-publish) publish=no && shift ;;
    --what-if) what_if=yes && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }
[ -f "$parameters" ] || die "there is no file $parameters"
# It stands in an address and in a query, unencoded.
[[ $smoke_name =~ ^[A-Za-z0-9._@+=/-]+$ ]] || die "--smoke-name $smoke_name: use A-Z, a-z, 0-9 and . _ @ + = - / only"
[ -z "$package" ] || [ -e "$package" ] || die "there is no package $package"
[ "$publish" = yes ] || [ -n "$package" ] || die "--skip-publish needs --package: which code should be running?"
[ -z "$package" ] || [ "$prebuilt" = no ] || die "--prebuilt builds a package, and --package names one: take one of the two"

begin "tools and login"
need_tool python3 "It makes the package."
need_login

# Sets $operator, which is '' for nobody, and $looks: whether there is an operator, who may read the ledger.
who_operates() {
  local named
  named=$(parameter operatorPrincipalId)
  if [ -n "$named" ]; then
    [ -z "$operator" ] || [ "$operator" = "$named" ] ||
      die "$parameters names the operator $named, and --operator another one: take one of the two out"
    operator=$named looks=yes
    say "   operator: $named, as $parameters says"
    return
  fi
  if [ "$operator" = none ]; then
    operator=''
  elif [ -z "$operator" ]; then
    operator=$(az ad signed-in-user show --query id --output tsv 2>"$errors") || {
      show_errors
      die "cannot tell who is signed in (an application, or a directory that does not say): give --operator OBJECT_ID
        and --operator-type, or --operator none"
    }
  fi
  values+=("operatorPrincipalId=$operator" "operatorPrincipalType=${operator_type:-User}")
  [ -n "$operator" ] && looks=yes || looks=no
  say "   operator: ${operator:-nobody}"
}

# Notes about values that work, but are probably not intended.
point_out() {
  [ "$(parameter defaultAccount)" != someone@example.com ] ||
    say "   NOTE: defaultAccount in $parameters is still the example: files that name no user will wait for an account" \
      "   that does not exist"
  [ -n "$(parameter alertEmail)" ] ||
    say "   NOTE: alertEmail is empty: nobody is told of an alert; it only shows in the portal"
  case $(parameter operationsUrl) in
    https://*) ;;
    *) say "   NOTE: operationsUrl is not set: the links in alerts lead nowhere. It is where your people read docs/operations.md" ;;
  esac
}

deploy_infrastructure() {
  begin "resource group $group"
  if [ "$(az group exists --name "$group" --output tsv)" != true ]; then
    [ -n "$location" ] || die "resource group $group does not exist; give --location to have it made"
    az group create --name "$group" --location "$location" --output none
  fi

  begin "parameters"
  read_parameters "$parameters"
  values=("$parameters")
  who_operates
  point_out

  begin "sign-in"
  if [ -n "$(parameter entraClientId)" ]; then
    say "   as $parameters says"
  else
    find_registration
    values+=("entraClientId=$registration")
    say "   registration: ${registration:-none yet}"
  fi
  find_whether_code_is_live
  values+=("codeIsLive=$code_is_live")
  if [ "$what_if" = yes ]; then
    begin "what would change"
    az deployment group what-if --resource-group "$group" --name "$deployment_name" \
      --template-file infra/main.bicep --parameters "${values[@]}"
    exit 0
  fi

  begin "key vault"
  recover_vault

  begin "infrastructure (some minutes)"
  # It takes a while until a new identity or role is known everywhere, and Azure does not change one resource twice at once.
  patiently 8 'PrincipalNotFound|RoleDefinitionDoesNotExist|AnotherOperationInProgress|another operation is in progress|OperationInProgress|TooManyRequests|RetryableError|ServiceUnavailable|GatewayTimeout|InternalServerError' \
    "a new identity or role spreads, or Azure is busy" \
    az deployment group create --resource-group "$group" --name "$deployment_name" \
    --template-file infra/main.bicep --parameters "${values[@]}" --output none || {
    ! grep -qiE 'deleted state|VaultAlreadyExists|MustRecover' "$errors" ||
      die "a deleted key vault has the name that this deployment needs (it is in the error above), and you may not list
        deleted vaults. A person with rights on the subscription recovers it, with: az keyvault recover --name VAULT"
    die "the infrastructure was not deployed; the reason is above"
  }
}

if [ "$infrastructure" = yes ]; then
  deploy_infrastructure
else
  looks=yes
  [ "$operator" != none ] || looks=no
fi
begin "what is deployed"
find_deployment || { show_errors && die "nothing is deployed into $group, or not by this version: run this without --skip-infrastructure"; }
say "   function app $app, storage account $storage, key vault $vault"

begin "package"
if [ -n "$package" ]; then
  described=$(python scripts/package.py --describe "$package")
else
  package=$scratch/app.zip
  if [ "$prebuilt" = yes ]; then
    described=$(python scripts/package.py --prebuilt "$package")
  else
    described=$(python scripts/package.py "$package")
  fi
fi
read -r package_hash package_version package_kind <<<"$described"
say "   version $package_version, hash $package_hash"
if [ "$publish" = yes ]; then publish; fi
prove
if [ "$publish" = yes ] && [ "$looks" = yes ]; then keep_package; fi
show_access

# Says what to do next, at the end of a run that went well.
next_step() {
  if [ -n "$registration" ]; then
    say "People connect their To Do at $connect_url/connect, and then send files at $connect_url/files"
  else
    say "Nobody can connect a To Do yet, and every file waits. Next: scripts/connect-entra.sh --resource-group $group"
  fi
}

# -- the test file --

where_it_hangs() {
  local state count each
  state=$(subscription_state)
  say "   event subscription: ${state:-missing}"
  count=$(az storage blob list --account-name "$storage" --container-name "$dead_letters" --auth-mode login \
    --query "length(@)" --output tsv 2>/dev/null || true)
  say "   events that could not be delivered: ${count:-unknown}"
  for each in "$blob_poison" "$queue-poison"; do
    count=$(az storage message peek --account-name "$storage" --queue-name "$each" --num-messages 32 --auth-mode login \
      --query "length(@)" --output tsv 2>/dev/null || true)
    say "   messages in $each: ${count:-unknown}"
  done
  # In columns and not joined into one text: while its upload is under way, a row has no reason and no detail.
  state=$(az storage entity query --account-name "$storage" --table-name "$table" --auth-mode login \
    --filter "RowKey eq 'entry' and blob_name eq '$smoke_name'" --select phase reason detail created_at \
    --query "items[].[created_at, phase, reason || '', detail || '']" --output tsv 2>/dev/null || true)
  if [ -n "$state" ]; then
    say "   the ledger knows it (newest last):" "$(sort <<<"$state" | tail -n 3)"
    say "=> It hangs between the first step and the report, in send_range."
  else
    say "   the ledger does not know it"
    say "=> It hangs before the first step: the event did not arrive, or open_upload fails."
  fi
  show_host
}

if [ "$smoke" = no ] || [ "$looks" = no ]; then
  switch_silent_alert_on
  say "" "Deployed. No test file was put; put one into container $container of $storage, and ask what became of it:" \
    "  scripts/outcome.sh --account $storage --container $container --name FILE"
  next_step
  exit 0
fi

begin "smoke test"
expected=rejected
[ -z "$smoke_metadata" ] || expected=attached
printf 'A test of the deployment, %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$scratch/test-file"
# There is metadata in either case, since bash before 4.4 cannot use an empty array. A file with a list and no task is
# rejected at once; a file with neither would wait some minutes for its metadata.
read -r -a metadata <<<"${smoke_metadata:-list=deployment-test}"
patiently 20 "$not_yet_allowed" "the operator's role on the container spreads" \
  az storage blob upload --account-name "$storage" --container-name "$container" --name "$smoke_name" \
  --file "$scratch/test-file" --overwrite true --metadata "${metadata[@]}" --auth-mode login --no-progress --output none ||
  die "the test file could not be put. Are you the operator${operator:+ $operator}, or in its group? Otherwise: --no-smoke"
state=''
for ((attempt = 1; attempt <= 24; attempt++)); do
  state=$(tag "$container/$smoke_name" todo_state || true)
  case $state in
    '' | delayed | uploading) sleep "$pause_seconds" ;;
    *) break ;;
  esac
done
reason=$(tag "$container/$smoke_name" todo_reason || true)
case $state in
  "$expected") say "   $state ($reason), as it should be" ;;
  '' | delayed | uploading)
    show_errors
    say "   The test file has no outcome after $((24 * pause_seconds)) s${state:+ ($state: $reason)}. Where it hangs:"
    where_it_hangs
    die "the test file did not go through"
    ;;
  waiting)
    [ "$expected" = attached ] || die "the test file names no task, and should not wait: $reason"
    say "   waiting ($reason): everything up to Graph works, and its account has not connected." \
      "   It goes on by itself once that person has connected, and fails after signInWaitDays days."
    ;;
  *) die "the test file became $state: $reason" ;;
esac
switch_silent_alert_on
say "" "Deployed, and a test file went through: put files into container $container of $storage."
next_step
