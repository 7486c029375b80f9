#!/usr/bin/env bash
# Makes the registration that people sign in with, gives the deployed app its client credential, and switches sign-in on.
# It needs another right than deploy.sh: to register applications (Application Developer, or an owner of the registration).
# It is safe to run again after any failure; deploy.sh keeps what this sets.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
trap report_stop EXIT

usage() {
  cat <<'TEXT'
usage: scripts/connect-entra.sh --resource-group NAME [options]

Makes the registration in Entra that people sign in with, gives the app its client credential, and switches sign-in on.
It can be run again at any time.

  --resource-group NAME    where scripts/deploy.sh has deployed todo-attach
  --name NAME              of the registration, as people see it when they sign in (default: todo-attach)
  --new-secret             where the app proves itself by a secret (entraClientCredential): make a new one
TEXT
}

group='' name=todo-attach new_secret=no
while [ $# -gt 0 ]; do
  case $1 in
    --resource-group) value_of "$1" $# && group=$2 && shift 2 ;;
    --name) value_of "$1" $# && name=$2 && shift 2 ;;
    --new-secret) new_secret=yes && shift ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && die "unknown option: $1" ;;
  esac
done
[ -n "$group" ] || { usage >&2 && die "--resource-group is missing"; }
[[ $name != *\'* ]] || die "--name with an apostrophe cannot be searched for"

# It takes a while until every replica of the directory knows a new object.
not_yet_known='does not exist|Not a valid reference|ResourceNotFound|Request_ResourceNotFound|Directory_ConcurrencyViolation|429|503'
directory() { patiently 6 "$not_yet_known" "the directory replicates" az ad "$@"; }
microsoft_graph=00000003-0000-0000-c000-000000000000

begin "tools and login"
need_login
tenant=$(az account show --query tenantId --output tsv)
authority=$(az cloud show --query endpoints.activeDirectory --output tsv)
authority=${authority%/}

begin "what is deployed"
read_outputs "$group" identityPrincipalId functionAppName connectUrl entraTenant entraClientCredential keyVaultName clientSecretName ||
  { show_errors && die "todo-attach is not deployed into $group; run scripts/deploy.sh first"; }
# shellcheck disable=SC2154 # read_outputs sets them
subject=$identityPrincipalId app=$functionAppName connect_url=$connectUrl who=$entraTenant client_credential=$entraClientCredential
# shellcheck disable=SC2154
vault=$keyVaultName secret=$clientSecretName
[[ $connect_url == https://* ]] ||
  die "the last deployment into $group did not end well, or is an old one; run scripts/deploy.sh first"
present=$(az functionapp config appsettings list --resource-group "$group" --name "$app" \
  --query "[?name=='TODO_ATTACH_ENTRA_CLIENT_ID'].value" --output tsv) || die "cannot read the settings of $app"
say "   app $app, accounts of: $who, client credential: $client_credential"

case $who in
  "$tenant") audience=AzureADMyOrg ;;
  common) audience=AzureADandPersonalMicrosoftAccount ;;
  consumers) audience=PersonalMicrosoftAccount ;;
  *) audience=AzureADMultipleOrgs ;; # organizations; or one tenant other than this one: the app itself refuses all others
esac
if [ "$client_credential" != client-secret ] && [[ $audience == *Personal* ]]; then
  say "   Personal accounts may connect (entraTenant = '$who'), and are reported not to work with a managed identity as the" \
    "   client credential: their sign-in ends in an error. To be on the safe side" \
    "   set entraClientCredential = 'client-secret' in the parameter file, run scripts/deploy.sh, and this again."
fi

begin "permissions"
permission() {
  az ad sp show --id "$microsoft_graph" --query "oauth2PermissionScopes[?value=='$1'].id | [0]" --output tsv
}
tasks=$(permission Tasks.ReadWrite)
offline=$(permission offline_access)
[ -n "$tasks" ] && [ -n "$offline" ] || die "the directory does not say the ids of Tasks.ReadWrite and offline_access"
# Delegated permissions ("Scope"): the app can act for a person who has signed in, and for nobody else.
cat >"$scratch/permissions.json" <<JSON
[{"resourceAppId": "$microsoft_graph",
  "resourceAccess": [{"id": "$tasks", "type": "Scope"}, {"id": "$offline", "type": "Scope"}]}]
JSON
# The claim auth_time says when the person last entered their credentials. To disconnect, that must have been just now.
echo '{"idToken": [{"name": "auth_time", "essential": false}]}' >"$scratch/claims.json"

begin "registration $name"
redirect=$connect_url/connected
# There is exactly one redirect URI, and the app uses the same one. Personal accounts require version 2 of tokens.
as_it_must_be=(--sign-in-audience "$audience" --web-redirect-uris "$redirect" --requested-access-token-version 2
  --optional-claims "@$scratch/claims.json" --required-resource-accesses "@$scratch/permissions.json")
found=$(az ad app list --display-name "$name" \
  --query "[?displayName=='$name'].join(' ', [appId, join(' ', web.redirectUris)])" --output tsv)
case $(grep -c . <<<"$found" || true) in
  0)
    registration=$(az ad app create --display-name "$name" "${as_it_must_be[@]}" --query appId --output tsv)
    ;;
  1)
    read -r registration redirects <<<"$found"
    [ "$registration" = "$present" ] || [ -z "$redirects" ] || [ "$redirects" = "$redirect" ] ||
      die "the registration $name belongs to another app: it leads to $redirects. Give another --name"
    directory app update --id "$registration" "${as_it_must_be[@]}" || die "the registration was not updated"
    ;;
  *) die "several registrations are named $name: give --name, or delete those that are not this one" ;;
esac
[ -n "$registration" ] || die "the directory did not say the registration's id"
say "   client id: $registration"
[ -z "$present" ] || [ "$present" = "$registration" ] ||
  say "   Until now people signed in with $present: those who have connected must do so again."
# In a tenant, an application needs a service principal. For personal accounts alone it does not.
if [ "$audience" != PersonalMicrosoftAccount ]; then
  principal=$(az ad sp list --filter "appId eq '$registration'" --query "[].id" --output tsv)
  if [ -z "$principal" ]; then
    directory sp create --id "$registration" --output none || die "the registration has no service principal"
  fi
fi

if [ "$client_credential" = client-secret ]; then
  begin "client secret"
  kept=$(patiently 20 "$not_yet_allowed" "your role on the key vault spreads" \
    az keyvault secret list --vault-name "$vault" --query "[?name=='$secret'].name" --output tsv) ||
    die "cannot look into key vault $vault. It needs the role Key Vault Secrets Officer, which scripts/deploy.sh gives to
        the operator"
  if [ -n "$kept" ] && [ "$present" = "$registration" ] && [ "$new_secret" = no ]; then
    say "   kept as it is; --new-secret makes another"
  else
    new_secret=yes
    # The secret goes from file to file: everyone on the machine can see a command line. Earlier secrets stay valid, so that
    # the app works until it has read the new one.
    directory app credential reset --id "$registration" --append --display-name todo-attach --years 1 --query password \
      --output tsv | tr -d '\r\n' >"$scratch/secret" || die "no secret was made"
    az keyvault secret set --vault-name "$vault" --name "$secret" --file "$scratch/secret" --output none ||
      die "the secret was not put into the vault. Running this again makes another one"
    say "   made, and put into $vault as $secret; valid for a year"
  fi
else
  new_secret=no
  begin "federated credential"
  assertion_audience=api://AzureADTokenExchange
  [[ $authority != *.us ]] || assertion_audience=api://AzureADTokenExchangeUSGov
  cat >"$scratch/credential.json" <<JSON
{"name": "todo-attach", "issuer": "$authority/$tenant/v2.0", "subject": "$subject",
 "audiences": ["$assertion_audience"], "description": "The identity that todo-attach runs as."}
JSON
  trusted=$(directory app federated-credential list --id "$registration" \
    --query "[?name=='todo-attach'].subject" --output tsv) || die "cannot read the registration's credentials"
  if [ -z "$trusted" ]; then
    directory app federated-credential create --id "$registration" --parameters "$scratch/credential.json" \
      --output none || die "the credential was not made"
  elif [ "$trusted" != "$subject" ]; then
    directory app federated-credential update --id "$registration" --federated-credential-id todo-attach \
      --parameters "$scratch/credential.json" --output none || die "the credential was not changed"
  fi
fi

begin "settings of $app"
if [ "$present" = "$registration" ] && [ "$new_secret" = no ]; then
  say "   kept as they are"
else
  # Both in one call: with both settings, or with neither, the app would not start. When settings change, the platform also
  # reads the vault again. The output is suppressed, since it has all settings.
  az functionapp config appsettings set --resource-group "$group" --name "$app" --output none \
    --settings "TODO_ATTACH_ENTRA_CLIENT_ID=$registration" TODO_ATTACH_TOKENS= ||
    die "the settings were not changed. The registration is made. A person who may deploy can finish this: write
          param entraClientId = '$registration'
        into the parameter file, and run scripts/deploy.sh"
fi

begin "sign-in page"
answers_connect "$connect_url" || die "people cannot sign in; the reason is above"

say "" "Sign-in is on. Each person connects their To Do at $connect_url/connect, and then sends files at $connect_url/files" \
  "" "If an organisation lets nobody consent for themselves, its administrator consents for all. In this tenant by:" \
  "  az ad app permission admin-consent --id $registration" \
  "scripts/deploy.sh keeps this registration. To set it in the parameter file as well, add:" \
  "  param entraClientId = '$registration'"
