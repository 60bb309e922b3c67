"""Regenerate one key with Microsoft's own SDK for Python: regenerate.py Primary|Secondary [FINGERPRINT].

APP is the function app's URL, KEY a function key; SUBSCRIPTION, GROUP and NAME name the resource. With FINGERPRINT
(sha256:...) the key is regenerated only if it is still that one: the request can then be sent again, whatever became of
the first. Prints the new fingerprint; fails with 1 where the app refused or failed, with 2 where it takes longer than
the app's deadline and goes on. Needs azure-mgmt-communication.
"""

import os
import sys
from http import HTTPStatus
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, HttpResponseError
from azure.mgmt.communication import CommunicationServiceManagementClient


class NoToken:
    """The app asks for a function key; the token that the SDK insists on is not looked at."""

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """Return a token for nobody, valid for ever."""
        return AccessToken("unused", sys.maxsize)


def main(key_type: str, fingerprint: str | None = None) -> int:
    """Regenerate the key; return the exit code."""
    headers = {"x-functions-key": os.environ["KEY"]}
    if fingerprint:
        headers["If-Match"] = f'"{fingerprint}"'
    app = os.environ["APP"].rstrip("/")
    client = CommunicationServiceManagementClient(
        NoToken(),
        os.environ["SUBSCRIPTION"],
        base_url=f"{app}/api",
        # the function key goes to the app alone
        permit_redirects=False,
        # azure-core would repeat even this POST: without If-Match nobody knows what the second one does
        retry_total=3 if fingerprint else 0,
    )
    with client:
        try:
            keys = client.communication_services.regenerate_key(
                os.environ["GROUP"], os.environ["NAME"], {"keyType": key_type}, headers=headers
            )
        except HttpResponseError as error:
            # ARM's own regenerateKey has no 202, so the SDK takes it for an error
            if error.status_code == HTTPStatus.ACCEPTED:
                answer: Any = error.response
                print(f"It goes on: ask {app}/api/rotations/{answer.json()['id']}/result", file=sys.stderr)
                return 2
            # the whole answer, for it says whether the key has changed; the host's own 401 has none
            told = error.response.text() if error.response else ""
            print(told or f"{error.status_code} {error.reason}", file=sys.stderr)
            return 1
        except AzureError as error:
            print(f"No answer: {error.message}", file=sys.stderr)
            print("If the request was sent, look at the key's fingerprint before you send it again", file=sys.stderr)
            return 1
    print(keys["fingerprint"])
    return 0


if __name__ == "__main__":
    variables = ("APP", "KEY", "SUBSCRIPTION", "GROUP", "NAME")
    if len(sys.argv) not in (2, 3) or not all(os.environ.get(name) for name in variables):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
