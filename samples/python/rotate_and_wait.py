"""Rotate the app's resource and wait for the result, with azure-core's own poller: rotate_and_wait.py [BODY].

APP is the function app's URL, KEY a function key; BODY the JSON of POST /api/rotations, such as
'{"gracePeriod": "P1D"}'. Prints the rotation's status; fails with 1 where it was refused or has failed, with 2 where it
has not ended within TIMEOUT_SECONDS (1800), while the rotation itself goes on. Needs azure-core.
"""

import json
import os
import sys
import uuid
from typing import Any, cast

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import HeadersPolicy
from azure.core.polling import LROPoller
from azure.core.polling.base_polling import LROBasePolling
from azure.core.rest import HttpRequest, HttpResponse


def main(body: str = "{}") -> int:
    """Rotate and wait; return the exit code."""
    app = os.environ["APP"].rstrip("/")
    rotation = ""
    # sent with every request, the poller's too
    key = HeadersPolicy({"x-functions-key": os.environ["KEY"]})
    with PipelineClient[HttpRequest, HttpResponse](app, per_call_policies=key, permit_redirects=False) as client:
        # made once: where an answer gets lost, the same request finds the rotation that it has started
        headers = {"Repeatability-Request-ID": str(uuid.uuid4()), "Content-Type": "application/json"}
        request = HttpRequest("POST", f"{app}/api/rotations", headers=headers, content=body)
        try:
            first: Any = client.send_request(request, _return_pipeline_response=True)
            first.http_response.raise_for_status()
            rotation = f"{app}/api/rotations/{_content(first)['id']}"
            method = cast("Any", LROBasePolling)(timeout=5)
            poller: LROPoller[dict[str, Any]] = LROPoller(client, first, _content, method)
            status = poller.result(timeout=float(os.environ.get("TIMEOUT_SECONDS", "1800")))
            if not poller.done():
                print(f"The rotation has not ended in time; its status: {rotation}", file=sys.stderr)
                return 2
        except HttpResponseError as error:
            # the whole answer: an error, or the status of what did not succeed; the host's own 401 has none
            told = error.response.text() if error.response else ""
            print(told or f"{error.status_code} {error.reason}", file=sys.stderr)
            return 1
        except AzureError as error:
            goes_on = f"the rotation goes on, its status: {rotation}" if rotation else "a rotation may go on"
            print(f"No answer: {error.message}; if the request was sent, {goes_on}", file=sys.stderr)
            return 1
    print(json.dumps(status, indent=2))
    return 0


def _content(response: Any) -> dict[str, Any]:
    return response.http_response.json()


if __name__ == "__main__":
    if len(sys.argv) > 2 or not all(os.environ.get(name) for name in ("APP", "KEY")):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
