#!/usr/bin/env bash
# Regenerate one key with az rest: regenerate.sh Primary|Secondary
#
# APP is the function app's URL, KEY a function key; SUBSCRIPTION, GROUP and NAME name the resource. The app is asked as
# ARM itself would be. No login is needed: the app wants the function key, not a token. Prints the new fingerprint; fails
# with 1 where the app refused or failed, with 2 where it takes longer than the app's deadline and goes on.
set -euo pipefail

key_type=${1:?say Primary or Secondary}
: "${APP:?the URL of the function app}" "${KEY:?a function key}"
: "${SUBSCRIPTION:?}" "${GROUP:?}" "${NAME:?}"
APP=${APP%/}

resource="/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP/providers/Microsoft.Communication/communicationServices/$NAME"

# @<(...) keeps the key out of the list of processes: printf is a builtin of the shell
answer=$(az rest --method post --url "$APP/api$resource/regenerateKey?api-version=2023-03-31" --skip-authorization-header \
  --headers @<(printf '{"x-functions-key": "%s", "Content-Type": "application/json"}' "$KEY") \
  --body "{\"keyType\": \"$key_type\"}" --query "fingerprint || join('', ['rotation ', id])" --output tsv)

if [[ "$answer" == "rotation "* ]]; then
  echo "It goes on: ask $APP/api/rotations/${answer#rotation }/result" >&2
  exit 2
fi
echo "$answer"
