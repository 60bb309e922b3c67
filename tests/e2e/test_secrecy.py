"""No key that was ever issued, and no token, gets out: searched in every answer and all output, at DEBUG."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.emulator import APPS, OUTSIDE, Emulator
from tests.support.error_table import ROWS, SECONDARY, SHORT_ROUTE, drop_token
from tests.support.leaks import find_leaks
from tests.support.outside import DEBUG, running

_JSON = {"Content-Type": "application/json"}


def test_nothing_leaks_in_any_situation_at_debug() -> None:
    """Every row of the error table, both key shapes and keys planted in ARM's errors: no leak, but the wall's marks."""
    answers: list[str] = []
    keys: set[str] = set()
    with running(DEBUG) as emulator:

        def remember_keys() -> str:
            (resource,) = emulator.call_control("GET", "resources")
            keys.update(resource["issuedKeys"])
            return resource["resourceId"]

        def call(path: str, body: bytes, headers: dict[str, str]) -> None:
            reply = emulator.post(path, body, headers)
            answers.append(f"{reply.status} {reply.headers} {reply.text}")

        for shape in ("base64", "cask"):
            resource_id = remember_keys()
            emulator.call_control("DELETE", f"resources?resourceId={resource_id}")
            emulator.call_control("POST", "resources", {"resourceId": resource_id, "keyShape": shape})
            for row in ROWS.values():
                if row.without_token:
                    drop_token(emulator)
                emulator.call_control("PUT", "faults", [row.fault] if row.fault else [])
                call(row.path, row.body, dict(row.headers))
                emulator.call_control("PUT", "faults", [])
                call(SHORT_ROUTE, SECONDARY, _JSON)
            remember_keys()
            for key in sorted(keys)[:4]:
                planted = {
                    "service": "arm",
                    "operation": "regenerateKey",
                    "status": 403,
                    "code": "Planted",
                    "message": f"The key {key} must not be seen.",
                    "details": [{"code": "Planted", "message": f"endpoint=https://a/;accesskey={key}", "target": key}],
                    "additionalInfo": [{"type": "Planted", "info": {"secondaryKey": key}}],
                }
                emulator.call_control("PUT", "faults", [planted])
                call(SHORT_ROUTE, SECONDARY, _JSON)
                # and where a caller puts a key into the request itself
                call(SHORT_ROUTE, f'{{"keyType": "{key}"}}'.encode(), {**_JSON, "If-Match": f'"{key}"'})
                call(SHORT_ROUTE, f'{{"{key}": 1}}'.encode(), {**_JSON, "x-ms-client-request-id": key[:80]})
                emulator.call_control("PUT", "faults", [])
            remember_keys()
        output = emulator.output
        tokens = [emulator.call_control("GET", "endpoints")["token"]]
    assert len(answers) > 2 * 2 * len(ROWS)
    assert len(keys) > 2 * len(ROWS)
    # another host may write its lines without their level
    assert OUTSIDE or "DEBUG" in output
    assert find_leaks("\n".join(answers), [*keys, *tokens]) == []
    assert find_leaks(output, [*keys, *tokens]) == []


@pytest.mark.parametrize("path", ["/api/answer", "/api/log"])
@pytest.mark.parametrize("form", ["{}", "accesskey={};", "{{'key': '{}'}}"])
def test_a_planted_key_is_found_by_that_very_search(path: str, form: str) -> None:
    """An app that answers with a key, or logs it, is caught."""
    with Emulator(app=APPS / "leaky") as emulator:
        (resource,) = emulator.call_control("GET", "resources")
        reply = emulator.post(path, form.format(resource["keys"]["primary"]))
    seen = reply.text if path == "/api/answer" else emulator.output
    assert find_leaks(seen, resource["issuedKeys"])


def test_a_planted_key_is_found_in_each_encoding_and_in_part() -> None:
    """An app that logs a key encoded, or twelve characters of it, is caught: each time that it does."""
    with Emulator(app=APPS / "leaky") as emulator:
        (resource,) = emulator.call_control("GET", "resources")
        key: str = resource["keys"]["primary"]
        planted = [
            quote(key, safe=""),
            json.dumps({"key": key}).replace("/", "\\/"),
            base64.b64encode(f"accesskey={key}".encode()).decode(),
            base64.urlsafe_b64encode(key.encode()).decode(),
            key.encode().hex(),
            *(key[start : start + 12] for start in (0, 30, len(key) - 14)),
        ]
        before = 0
        for text in planted:
            emulator.post("/api/log", text)
            # a part of the key may have come in an earlier line already
            emulator.wait_for(text, after=before)
            seen = emulator.output
            assert find_leaks(seen[before:], resource["issuedKeys"]), text
            before = len(seen)


def test_a_planted_token_is_found_by_that_very_search() -> None:
    """An app that logs a bearer token is caught."""
    with Emulator(app=APPS / "leaky") as emulator:
        emulator.post("/api/log", "Bearer " + emulator.call_control("GET", "endpoints")["token"])
    assert find_leaks(emulator.output, [])
