"""The HTTP skin: what bodies are taken, what every response carries, and what an unexpected failure shows."""

import json
import logging
import uuid
from typing import Any

import azure.functions as func
import pytest

from shared.errors import (
    InvalidRequest,
    RegenerationOutcome,
    RequestEntityTooLarge,
    ResourceNotAllowed,
    UnexpectedError,
    UnsupportedMediaType,
    UpstreamFailed,
)
from shared.http import LARGEST_BODY, Request, Response, answer, require_api_version
from tests.support.fakes import CASK_KEY, app_request, http_request

BODY = b'{"keyType": "Primary"}'


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no type"),
        pytest.param({"content-type": ""}, id="empty type"),
        pytest.param({"content-type": "application/json"}, id="JSON"),
        pytest.param({"content-type": "APPLICATION/JSON"}, id="upper case"),
        pytest.param({"content-type": "application/json; charset=utf-8"}, id="UTF-8"),
        pytest.param({"content-type": "application/json;charset=UTF-8"}, id="no blank, upper case"),
        pytest.param({"content-type": 'application/json; charset="utf-8"'}, id="quoted charset"),
        pytest.param({"content-type": "application/json; charset=us-ascii"}, id="ASCII"),
        pytest.param({"content-type": "application/json; odata=verbose"}, id="other parameter"),
        pytest.param({"content-type": "application/cloudevents+json"}, id="+json"),
        pytest.param({"content-type": "application/vnd.contoso.v1+JSON; charset=utf-8"}, id="vendor +json"),
        pytest.param({"content-type": "application/json", "content-encoding": "identity"}, id="identity"),
    ],
)
def test_json_is_taken_however_it_is_declared(headers: dict[str, str]) -> None:
    """JSON in UTF-8, +json, or no type at all is taken."""
    assert app_request(BODY, headers=headers).json_object().properties == {"keyType": "Primary"}


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        pytest.param({"content-type": "text/plain"}, "Content-Type", id="text"),
        pytest.param({"content-type": "text/json"}, "Content-Type", id="text/json"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, "Content-Type", id="form"),
        pytest.param({"content-type": "multipart/form-data; boundary=x"}, "Content-Type", id="multipart"),
        pytest.param({"content-type": "application/jsonp"}, "Content-Type", id="jsonp"),
        pytest.param({"content-type": "application/xml"}, "Content-Type", id="XML"),
        pytest.param({"content-type": "image/svg+json"}, "Content-Type", id="+json of another kind"),
        pytest.param({"content-type": "json"}, "Content-Type", id="no type at all"),
        pytest.param({"content-type": "*/*"}, "Content-Type", id="any"),
        pytest.param({"content-type": "application/json, text/plain"}, "Content-Type", id="two types"),
        pytest.param({"content-type": "application/json; charset=utf-16"}, "Content-Type", id="UTF-16"),
        pytest.param({"content-type": "application/json; charset=iso-8859-1"}, "Content-Type", id="Latin-1"),
        pytest.param({"content-encoding": "gzip"}, "Content-Encoding", id="gzip"),
        pytest.param({"content-encoding": "GZIP, identity"}, "Content-Encoding", id="two encodings"),
        pytest.param({"content-encoding": "br", "content-type": "text/plain"}, "Content-Encoding", id="both"),
    ],
)
def test_other_media_are_refused(headers: dict[str, str], target: str) -> None:
    """Anything else than plain JSON in UTF-8 is 415, with the header that is at fault as the target."""
    with pytest.raises(UnsupportedMediaType) as raised:
        app_request(BODY, headers=headers).json_object()
    assert raised.value.status == 415
    assert raised.value.target == target


def test_without_a_body_the_type_does_not_matter() -> None:
    """A request without a body declares nothing that could be wrong."""
    assert app_request(headers={"content-type": "text/plain"}).json_object().properties == {}


def test_a_body_of_the_largest_size_is_taken() -> None:
    """4 KiB are taken, to the byte."""
    body = BODY + b" " * (4096 - len(BODY))
    assert LARGEST_BODY == len(body) == 4096
    assert app_request(body).json_object().properties == {"keyType": "Primary"}


def test_a_larger_body_is_refused_whatever_it_is() -> None:
    """One byte more is 413, before its type or its content is looked at."""
    with pytest.raises(RequestEntityTooLarge) as raised:
        app_request(b"\xff" * 4097, headers={"content-type": "text/plain"}).json_object()
    assert (raised.value.status, raised.value.target) == (413, "body")


def test_the_body_is_not_shown_with_the_request() -> None:
    """A request that is printed shows no body."""
    assert "s3cr3t" not in repr(app_request(b'{"keyType": "s3cr3t"}'))


async def respond(
    result: Response | Exception, request: func.HttpRequest | None = None
) -> tuple[func.HttpResponse, Any]:
    """Answer a request with a result or an error, and return the response and its JSON."""

    async def endpoint(_: Request) -> Response:
        if isinstance(result, Exception):
            raise result
        return result

    response = await answer(request or http_request(), endpoint)
    return response, json.loads(response.get_body())


RESULTS = [
    pytest.param(Response({"a": 1}), 200, id="success"),
    pytest.param(Response({}, 202, {"Location": "/x"}), 202, id="accepted"),
    pytest.param(ResourceNotAllowed(), 403, id="refusal"),
    pytest.param(UpstreamFailed("m", headers={"Retry-After": "7"}, outcome=RegenerationOutcome.UNKNOWN), 502, id="ARM"),
    pytest.param(UnexpectedError(), 500, id="unexpected"),
    pytest.param(RuntimeError("boom"), 500, id="anything"),
]


@pytest.mark.parametrize(("result", "status"), RESULTS)
async def test_every_response_carries_the_common_headers(result: Response | Exception, status: int) -> None:
    """Success or error: JSON, not to be stored, with our request id and the caller's own."""
    request = http_request(headers={"X-MS-Client-Request-Id": "mine-1"})
    response, _ = await respond(result, request)
    assert response.status_code == status
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["x-ms-client-request-id"] == "mine-1"
    assert str(uuid.UUID(response.headers["x-ms-request-id"])) == response.headers["x-ms-request-id"]


async def test_request_ids_are_never_the_same() -> None:
    """Each request has an id of its own."""
    ids = {(await respond(Response({})))[0].headers["x-ms-request-id"] for _ in range(5)}
    assert len(ids) == 5


async def test_an_endpoint_cannot_replace_the_common_headers() -> None:
    """The common headers win over those of a result."""
    response, _ = await respond(Response({}, headers={"Cache-Control": "public", "x-ms-request-id": "forged"}))
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["x-ms-request-id"] != "forged"


async def test_headers_of_results_and_errors_are_passed_on() -> None:
    """Location and Retry-After reach the caller."""
    accepted, _ = await respond(Response({}, 202, {"Location": "/x"}))
    failed, body = await respond(UpstreamFailed("m", headers={"Retry-After": "7"}))
    assert accepted.headers["Location"] == "/x"
    assert failed.headers["Retry-After"] == "7"
    assert body["error"]["code"] == "UpstreamError"


SANE = ["a", "0", "a" * 64, "11112222-3333-4444-5555-666677778888", "trace:1_2.3-4"]
INSANE = {
    "empty": "",
    "blank": " ",
    "CR and LF": "a\r\nx-evil: 1",
    "LF": "a\n",
    "too long": "a" * 65,
    "unicode": "ä",
    "foreign digit": "١",
    "quotes": '"a"',
    "markup": "<script>",
    "braces": "{11112222-3333-4444-5555-666677778888}",
    "comma": "a,b",
    "slash": "a/b",
    "leading dash": "-a",
    "NUL": "a\x00",
    # the name of a request is the caller's to choose, but no key may stand in a response
    "like a key": CASK_KEY,
}


@pytest.mark.parametrize("sent", SANE)
async def test_a_sane_client_request_id_is_echoed(sent: str) -> None:
    """A short token of letters, digits and a few signs comes back as it was."""
    response, _ = await respond(Response({}), http_request(headers={"x-ms-client-request-id": sent}))
    assert response.headers["x-ms-client-request-id"] == sent


@pytest.mark.parametrize("sent", INSANE.values(), ids=INSANE)
async def test_any_other_client_request_id_is_dropped(sent: str) -> None:
    """What could break a header or a log line is not echoed."""
    response, _ = await respond(Response({}), http_request(headers={"x-ms-client-request-id": sent}))
    assert "x-ms-client-request-id" not in response.headers


async def test_an_unexpected_failure_shows_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets 500 and the request id; what went wrong stands in the log under that id."""
    with caplog.at_level(logging.ERROR):
        response, body = await respond(RuntimeError("s3cr3t detail"))
    assert body["error"]["code"] == "InternalServerError"
    assert b"s3cr3t" not in response.get_body()
    assert "s3cr3t detail" in caplog.text
    assert response.headers["x-ms-request-id"] in caplog.text


async def test_an_unexpected_error_of_a_use_case_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """UnexpectedError promises the caller that the log has the details: there they are, under the request id."""
    error = UnexpectedError(outcome=RegenerationOutcome.UNKNOWN)
    error.__cause__ = RuntimeError("s3cr3t detail")
    with caplog.at_level(logging.ERROR):
        response, body = await respond(error)
    assert body["error"]["additionalInfo"] == [{"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}}]
    assert b"s3cr3t" not in response.get_body()
    assert "s3cr3t detail" in caplog.text
    assert response.headers["x-ms-request-id"] in caplog.text


async def test_a_lone_surrogate_does_not_fail_the_answer() -> None:
    """Any text can be answered, since the JSON is ASCII."""
    response, body = await respond(Response({"a": "\ud800ä"}))
    assert response.get_body().isascii()
    assert body == {"a": "\ud800ä"}


async def test_an_endpoint_gets_names_in_lower_case() -> None:
    """Headers and query parameters are found under lower-case names, route parameters under their own."""
    seen: list[Request] = []

    async def endpoint(request: Request) -> Response:
        seen.append(request)
        return Response({})

    await answer(
        http_request(
            BODY, headers={"If-Match": "*"}, query={"API-Version": "2023-03-31"}, route={"subscriptionId": "s"}
        ),
        endpoint,
    )
    assert seen[0].headers["if-match"] == "*"
    assert seen[0].query["api-version"] == "2023-03-31"
    assert seen[0].route["subscriptionId"] == "s"
    assert seen[0].body == BODY


@pytest.mark.parametrize(
    "version", ["2023-03-31", "2025-09-01", "1999-12-31", "2023-06-01-preview", "2023-06-01-PREVIEW", "2026-03-18-beta"]
)
def test_any_well_formed_api_version_is_accepted(version: str) -> None:
    """Clients send different versions of one contract: each will do."""
    require_api_version({"api-version": version})


@pytest.mark.parametrize("query", [{}, {"api-version": ""}, {"version": "2023-03-31"}])
def test_a_missing_api_version_is_arms_error(query: dict[str, str]) -> None:
    """Without api-version the answer is ARM's 400 MissingApiVersionParameter."""
    with pytest.raises(InvalidRequest) as raised:
        require_api_version(query)
    assert (raised.value.status, raised.value.code) == (400, "MissingApiVersionParameter")


@pytest.mark.parametrize(
    "version",
    [
        "latest",
        "2023",
        "2023-3-31",
        "2023-03-31 ",
        "2023-03-31\n",
        "2023-03-31,2025-09-01",
        "2023-03-31-",
        "2023-03-31-preview.2",
        "v2023-03-31",
        "٢٠٢٣-03-31",
        "2023-03-31-" + "p" * 17,
        "2023-03-31/../x",
    ],
)
def test_an_ill_formed_api_version_is_arms_error(version: str) -> None:
    """A version that is none is ARM's 400 InvalidApiVersionParameter, and is not echoed."""
    with pytest.raises(InvalidRequest) as raised:
        require_api_version({"api-version": version})
    assert (raised.value.status, raised.value.code) == (400, "InvalidApiVersionParameter")
    assert version in ("2023", "2023-03-31 ", "2023-03-31\n", "2023-03-31-") or version not in raised.value.message
