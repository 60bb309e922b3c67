"""Connection strings: the key inside is found and replaced, everything else stays."""

import pytest

from shared.connection_string import access_keys, connection_string, endpoint_at, endpoint_of, with_access_key
from shared.redaction import AccessKey, Secret
from tests.support.vault import ENDPOINT, NEW_KEY, OLD_KEY

READ = [
    pytest.param(f"endpoint={ENDPOINT};accesskey={OLD_KEY}", [OLD_KEY], id="as ARM writes it"),
    pytest.param(f"Endpoint={ENDPOINT};AccessKey={OLD_KEY};", [OLD_KEY], id="other case, semicolon at the end"),
    pytest.param(f"accesskey={OLD_KEY};endpoint={ENDPOINT}", [OLD_KEY], id="key first"),
    pytest.param(f" endpoint = {ENDPOINT} ; accesskey = {OLD_KEY} \n", [OLD_KEY], id="blanks and a line break"),
    pytest.param(f'"endpoint={ENDPOINT};accesskey={OLD_KEY}"', [OLD_KEY], id="in quotes"),
    pytest.param(f'{{"acs": "endpoint={ENDPOINT};accesskey={OLD_KEY}"}}', [OLD_KEY], id="inside JSON"),
    pytest.param(f"ACS=endpoint={ENDPOINT};accesskey={OLD_KEY}\nX=y", [OLD_KEY], id="inside an env file"),
    pytest.param(f"accesskey=a;endpoint={ENDPOINT};accesskey={OLD_KEY}", ["a", OLD_KEY], id="two keys"),
    pytest.param(f"endpoint={ENDPOINT};accesskey=not a key", ["not a key"], id="blanks inside the key"),
    pytest.param(f"endpoint={ENDPOINT};accesskey=", [""], id="empty key"),
    pytest.param(OLD_KEY, [], id="bare key"),
    pytest.param("", [], id="nothing"),
    pytest.param("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5", [], id="storage account"),
    pytest.param("Endpoint=sb://a/;SharedAccessKeyName=n;SharedAccessKey=a2V5", [], id="service bus"),
    pytest.param(f"endpoint={ENDPOINT};myaccesskey={OLD_KEY}", [], id="another name that ends alike"),
    pytest.param(f'{{"acs": "endpoint=https:\\/\\/host\\/;accesskey={OLD_KEY}"}}', [], id="escaped"),
]


@pytest.mark.parametrize(("text", "keys"), READ)
def test_the_keys_of_a_connection_string_are_found(text: str, keys: list[str]) -> None:
    """Names are case-insensitive; blanks and quotes around do not belong to the key."""
    assert [key.reveal() for key in access_keys(text)] == keys


@pytest.mark.parametrize("text", [case.values[0] for case in READ if case.values[1] == [OLD_KEY]])
def test_the_key_alone_is_replaced(text: str) -> None:
    """Everything but the key stays as it is, character by character."""
    replaced = with_access_key(text, Secret(NEW_KEY)).reveal()
    assert replaced == text.replace(OLD_KEY, NEW_KEY)


def test_every_key_is_replaced() -> None:
    """Of two keys none stays, whichever one a consumer reads; one with blanks goes as a whole."""
    replaced = with_access_key("accesskey=a b ;x=y;ACCESSKEY=c", Secret(NEW_KEY)).reveal()
    assert replaced == f"accesskey={NEW_KEY} ;x=y;ACCESSKEY={NEW_KEY}"


def test_a_key_is_no_template_for_the_replacement() -> None:
    """A key with a backslash is put in as it is."""
    assert with_access_key("accesskey=a", Secret(r"\1\g<0>")).reveal() == r"accesskey=\1\g<0>"


def test_a_text_without_a_key_is_no_connection_string() -> None:
    """There is nothing to replace in a bare key; the error does not say what the text was."""
    with pytest.raises(ValueError, match=r"^not a connection string$"):
        with_access_key(OLD_KEY, Secret(NEW_KEY))


@pytest.mark.parametrize("endpoint", ["https://host", "https://host/"])
def test_a_connection_string_is_made_as_arm_makes_it(endpoint: str) -> None:
    """Endpoint with one slash at its end, then the key."""
    assert connection_string(endpoint, Secret("key")).reveal() == "endpoint=https://host/;accesskey=key"


def test_the_endpoint_comes_from_arms_connection_string() -> None:
    """Where ARM gave none there is no endpoint."""
    assert endpoint_of(AccessKey(Secret("k"), Secret("EndPoint=https://h/;accesskey=k"))) == "https://h/"
    assert endpoint_of(AccessKey(Secret("k"), Secret("accesskey=k"))) is None
    assert endpoint_of(AccessKey(Secret("k"))) is None


def test_an_endpoint_is_made_of_a_host_name() -> None:
    """A host, with or without a slash at its end."""
    assert endpoint_at("host") == endpoint_at("host/") == "https://host/"


def test_a_long_text_takes_no_time() -> None:
    """25 KiB of whatever may be hostile are searched in one go; the test's time limit would end a slow search."""
    for text in (
        ";" * 25_000,
        "accesskey=" * 2_500,
        "accesskey=a" + " " * 25_000 + "b",
        ";accesskey" * 2_500,
        "accesskey" + " " * 25_000,
        ";\n " * 8_000,
        "accesskey=" + " " * 25_000 + "x",
    ):
        assert len(access_keys(text)) <= 2_500
