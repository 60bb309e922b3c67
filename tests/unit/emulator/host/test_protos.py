"""The worker protocol's messages are real protobuf messages."""

from datetime import timedelta

import pytest
from google.protobuf import descriptor_pool

from emulator.host.protos import ENUMS, MESSAGES, load_protos

PROTOS = load_protos()


def test_every_message_and_enum_of_the_table_is_there() -> None:
    """By the names that Microsoft's worker uses."""
    assert all(hasattr(PROTOS, name) for name in MESSAGES)
    for name, values in ENUMS.items():
        message, _, enum = name.rpartition(".")
        if message:
            assert getattr(getattr(PROTOS, message), enum).keys() == values.split()


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("RpcHttp", {"urll": "x"}),
        ("RpcHttp", {"url": 5}),
        ("RpcHttp", {"url": "\udcff"}),
        ("RpcHttp", {"headers": {"a": 5}}),
        ("TypedData", {"string": b"\xff"}),
        ("StatusResult", {"status": "Maybe"}),
    ],
)
def test_what_the_wire_refuses_is_refused(message: str, fields: dict[str, object]) -> None:
    """A misspelt field, a wrong type, a lone surrogate, bytes that are no text."""
    with pytest.raises((ValueError, TypeError)):
        getattr(PROTOS, message)(**fields).SerializeToString()


def test_maps_oneofs_and_nested_messages_survive_the_wire() -> None:
    """What is written is read back."""
    http = PROTOS.RpcHttp(headers={"a": "b"}, body=PROTOS.TypedData(bytes=b"\xff"), status_code="200")
    http.cookies.add(name="c", path=PROTOS.NullableString(value="/"), same_site="Strict")
    read = PROTOS.TypedData.FromString(PROTOS.TypedData(http=http).SerializeToString())
    assert read.WhichOneof("data") == "http"
    assert dict(read.http.headers) == {"a": "b"}
    assert read.http.body.WhichOneof("data") == "bytes"
    assert read.http.cookies[0].same_site == PROTOS.RpcHttpCookie.SameSite.Strict
    assert not read.http.cookies[0].domain.HasField("value")


def test_retry_options_take_what_the_worker_gives() -> None:
    """A timedelta for a Duration, the strategy by its name."""
    options = PROTOS.RpcRetryOptions(
        max_retry_count=3, retry_strategy="fixed_delay", delay_interval=timedelta(seconds=10)
    )
    assert options.delay_interval.seconds == 10


def test_the_process_wide_pool_stays_free_of_them() -> None:
    """The app may bring its own FunctionRpc classes."""
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("AzureFunctionsRpcMessages.RpcHttp")
