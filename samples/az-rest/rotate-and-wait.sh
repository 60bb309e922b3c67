#!/usr/bin/env bash
# Rotate the app's resource with az rest and wait for the end: rotate-and-wait.sh [BODY]
#
# APP is the function app's URL, KEY a function key; BODY the JSON of POST /api/rotations. TIMEOUT_SECONDS (1800) bounds
# the waiting, POLL_SECONDS (5) is between two looks; the rotation itself goes on. Prints the rotation's status; fails with 1 where it was refused or has
# failed, with 2 where it has not ended in time.
set -euo pipefail

body=${1:-}
[[ -n "$body" ]] || body='{}'
: "${APP:?the URL of the function app}" "${KEY:?a function key}"
APP=${APP%/}
deadline=$((SECONDS + ${TIMEOUT_SECONDS:-1800}))

# METHOD URL ID [az's own options]; az rest tells no status, so what is asked for is the rotation's own
request() {
  local method=$1 url=$2 id=$3
  shift 3
  az rest --method "$method" --url "$url" --skip-authorization-header --headers @<(printf \
    '{"x-functions-key": "%s", "Content-Type": "application/json", "Repeatability-Request-ID": "%s"}' "$KEY" "$id") "$@"
}

# made once: were the same request sent again, it would find the same rotation
request_id=$(python3 -c 'import uuid; print(uuid.uuid4())')
rotation=$(request post "$APP/api/rotations" "$request_id" --body "$body" --query id --output tsv)

status=Running
while [[ "$status" == Running || "$status" == NotStarted ]]; do
  if ((SECONDS >= deadline)); then
    echo "The rotation has not ended in time; its status: $APP/api/rotations/$rotation" >&2
    exit 2
  fi
  sleep "${POLL_SECONDS:-5}"
  status=$(request get "$APP/api/rotations/$rotation" "$request_id" --query status --output tsv) || {
    echo "No answer; the rotation goes on, its status: $APP/api/rotations/$rotation" >&2
    exit 1
  }
done

request get "$APP/api/rotations/$rotation" "$request_id"
[[ "$status" == Succeeded ]]
