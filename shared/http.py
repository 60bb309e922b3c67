"""func.HttpRequest -> a bounded, typed request; a result or an error -> func.HttpResponse with the common headers."""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate

import azure.functions as func

from shared.errors import (
    AppError,
    InvalidRequest,
    Problem,
    RequestEntityTooLarge,
    UnexpectedError,
    UnsupportedMediaType,
)
from shared.json_body import JsonObject, decode_object
from shared.wire import API_VERSION, CLIENT_REQUEST_ID, LARGEST_BODY

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as the endpoints see it.

    Attributes:
        request_id: ours, a new UUID; goes out as x-ms-request-id and to ARM as x-ms-client-request-id.
        client_request_id: the caller's x-ms-client-request-id if it is a sane token, else None.
        headers: names in lower case.
        query: names in lower case, as the query parameters of ARM are case-insensitive.
        url: as the caller wrote it, as far as the host tells.
        route: the parameters of the route, percent-decoded.
        body: at most the bytes that came; read it through `json_object()`.
    """

    request_id: str
    client_request_id: str | None
    headers: Mapping[str, str]
    query: Mapping[str, str]
    url: str
    route: Mapping[str, str]
    body: bytes = field(repr=False)

    def json_object(self) -> JsonObject:
        """Return the body, decoded; without a body an empty object.

        Raises:
            UnsupportedMediaType: there is a body, declared as something else than JSON in UTF-8.
            RequestEntityTooLarge: it has over 4 KiB.
            InvalidRequest: it is no JSON object.
        """
        if len(self.body) > LARGEST_BODY:
            raise RequestEntityTooLarge(
                f"The body has {len(self.body)} bytes; at most {LARGEST_BODY} are taken.", target="body"
            )
        if self.body:
            self._require_json()
        return decode_object(self.body)

    def _require_json(self) -> None:
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType(
                "The body is compressed; send it without Content-Encoding.", target="Content-Encoding"
            )
        declared, *parameters = [part.strip().lower() for part in self.headers.get("content-type", "").split(";")]
        charset = next((p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
        json_like = declared in ("", "application/json") or (
            declared.startswith("application/") and declared.endswith("+json")
        )
        if not json_like or charset not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType(
                "The body must be JSON in UTF-8: send Content-Type: application/json.", target="Content-Type"
            )


@dataclass(frozen=True, slots=True)
class Response:
    """What an endpoint answers: the status, a JSON body and headers beside the common ones."""

    body: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


async def answer[**P](
    request: func.HttpRequest,
    endpoint: Callable[Concatenate[Request, P], Awaitable[Response]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> func.HttpResponse:
    """Run an endpoint for a request, with what else it takes; return its response, or its error as ErrorResponse.

    Every response carries x-ms-request-id, x-ms-client-request-id if one came, and Cache-Control: no-store.
    """
    incoming = _incoming(request)
    try:
        response = await endpoint(incoming, *args, **kwargs)
    except AppError as error:
        if isinstance(error, UnexpectedError):
            _logger.exception("request %s failed unexpectedly", incoming.request_id)
        response = Response(error.to_json(), error.status, error.headers)
    except Exception:
        _logger.exception("request %s failed unexpectedly", incoming.request_id)
        error = UnexpectedError()
        response = Response(error.to_json(), error.status)
    headers = {**response.headers, "x-ms-request-id": incoming.request_id, "Cache-Control": "no-store"}
    if incoming.client_request_id is not None:
        headers["x-ms-client-request-id"] = incoming.client_request_id
    return func.HttpResponse(
        # ASCII escapes keep a lone surrogate, which UTF-8 does not have, from failing the answer
        json.dumps(response.body, ensure_ascii=True, separators=(",", ":")),
        status_code=response.status,
        headers=headers,
        mimetype="application/json",
        charset="utf-8",
    )


def collecting[T](problems: list[Problem], parse: Callable[[], T]) -> T | None:
    """Return what `parse` gives; where it raises InvalidRequest, add its problems to the list and return None."""
    try:
        return parse()
    except InvalidRequest as error:
        problems.extend(error.problems)
        return None


def require_api_version(query: Mapping[str, str]) -> None:
    """Let a request pass whose api-version is well-formed; which one it is makes no difference here.

    Raises:
        InvalidRequest: with the code and the sentence that ARM gives, the value left out.
    """
    version = query.get("api-version", "")
    if not version:
        raise InvalidRequest(
            [
                Problem(
                    "MissingApiVersionParameter",
                    "The api-version query parameter (?api-version=) is required for all requests.",
                    "api-version",
                )
            ],
            code="MissingApiVersionParameter",
        )
    if not API_VERSION.fullmatch(version):
        raise InvalidRequest(
            [
                Problem(
                    "InvalidApiVersionParameter",
                    "The api-version is invalid. It has the form of a date, for example 2023-03-31, or "
                    "2023-03-31-preview.",
                    "api-version",
                )
            ],
            code="InvalidApiVersionParameter",
        )


def _incoming(request: func.HttpRequest) -> Request:
    headers: dict[str, str] = {name.lower(): value for name, value in request.headers.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # azure-functions types them loosely
    client_request_id = headers.get("x-ms-client-request-id", "")
    return Request(
        request_id=str(uuid.uuid4()),
        client_request_id=client_request_id if CLIENT_REQUEST_ID.fullmatch(client_request_id) else None,
        headers=headers,
        query={name.lower(): value for name, value in request.params.items()},
        url=request.url,
        route=dict(request.route_params),
        body=request.get_body(),
    )
