#!/usr/bin/env bash
# Rotate the app's resource with curl and wait for the result: rotate-and-wait.sh [BODY]
#
# APP is the function app's URL, KEY a function key; BODY the JSON of POST /api/rotations, such as
# '{"gracePeriod": "P1D"}'. TIMEOUT_SECONDS (1800) bounds the waiting; the rotation itself goes on. Prints the rotation's
# status; fails with 1 where it was refused or has failed, with 2 where it has not ended in time.
set -euo pipefail

body=${1:-}
[[ -n "$body" ]] || body='{}'
: "${APP:?the URL of the function app}" "${KEY:?a function key}"
APP=${APP%/}
deadline=$((SECONDS + ${TIMEOUT_SECONDS:-1800}))

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# METHOD URL [curl's own options]: the answer goes to files, the status to standard output; what failed on the way is
# sent again, which the id below makes harmless
request() {
  local method=$1 url=$2
  shift 2
  curl --silent --show-error --request "$method" --output "$work/body" --dump-header "$work/headers" \
    --write-out '%{http_code}' --max-time 60 --retry 4 --retry-connrefused \
    --header @<(printf 'x-functions-key: %s\n' "$KEY") "$@" "$url"
}

# a header of the last answer
header() {
  { grep -i "^$1:" "$work/headers" || true; } | tail -n 1 | cut -d : -f 2- | tr -d ' \r'
}

id=$(python3 -c 'import uuid; print(uuid.uuid4())')
status=$(request POST "$APP/api/rotations" --header 'Content-Type: application/json' \
  --header "Repeatability-Request-ID: $id" --data "$body") || {
  echo "No answer: if the request was sent, a rotation may go on" >&2
  exit 1
}
rotation=$(header Operation-Location)
rotation=${rotation##*/}

while [[ "$status" == 202 ]]; do
  if ((SECONDS >= deadline)); then
    echo "The rotation has not ended in time; its status: $APP/api/rotations/$rotation" >&2
    exit 2
  fi
  pause=$(header Retry-After)
  sleep "${pause:-5}"
  # the address is made of the app's own URL: the key goes nowhere else
  status=$(request GET "$APP/api/rotations/$rotation/result") || {
    echo "No answer; the rotation goes on, its status: $APP/api/rotations/$rotation" >&2
    exit 1
  }
done

cat "$work/body"
echo
if [[ "$status" != 200 ]]; then
  echo "The rotation ended with $status" >&2
  exit 1
fi
