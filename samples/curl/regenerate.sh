#!/usr/bin/env bash
# Regenerate one key with curl: regenerate.sh Primary|Secondary [FINGERPRINT]
#
# APP is the function app's URL, KEY a function key. With FINGERPRINT (sha256:...) the key is regenerated only if it is
# still that one: the request can then be sent again, whatever became of the first. Prints the answer; fails with 1 where
# the app refused or failed, with 2 where it takes longer than the app's deadline and goes on.
set -euo pipefail

key_type=${1:?say Primary or Secondary}
fingerprint=${2:-}
: "${APP:?the URL of the function app}" "${KEY:?a function key}"
APP=${APP%/}

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# printf is a builtin of the shell: the key stands in no list of processes
headers() {
  printf 'x-functions-key: %s\n' "$KEY"
  if [[ -n "$fingerprint" ]]; then printf 'If-Match: "%s"\n' "$fingerprint"; fi
}

status=$(curl --silent --show-error --output "$answer" --write-out '%{http_code}' --max-time 240 \
  --header @<(headers) --header 'Content-Type: application/json' \
  --data "{\"keyType\": \"$key_type\"}" "$APP/api/regenerateKey") || {
  # whether the request got there, curl's own message says
  echo "No answer: if the request was sent, look at the key's fingerprint before you send it again" >&2
  exit 1
}

cat "$answer"
echo
case $status in
  200) ;;
  202) echo "It goes on: ask $APP/api/rotations/ID/result, with the id above" >&2 && exit 2 ;;
  *) echo "regenerateKey answered $status" >&2 && exit 1 ;;
esac
