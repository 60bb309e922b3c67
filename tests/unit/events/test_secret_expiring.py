"""Key Vault's SecretNearExpiry and SecretExpired: fine, odd but tolerated, malformed in each way, and hostile."""

from collections.abc import Callable

import pytest

from shared.events import Ignored, SecretExpiring
from tests.support.events import VERSION, Json, Schema, event, secret_near_expiry
from tests.support.notices import both_schemas, notice, problems, renamed, respellings

VAULT = "https://my-vault.vault.azure.net"
EXPIRING = SecretExpiring(vault=VAULT, name="MySecret", version=VERSION)


@both_schemas
@pytest.mark.parametrize("expired", [False, True], ids=["near expiry", "expired"])
@pytest.mark.parametrize("odd", [False, True], ids=["regular", "odd"])
def test_an_expiring_secret_is_named(schema: Schema, *, expired: bool, odd: bool) -> None:
    """Both types say vault, name and version, also written as Microsoft's sample is."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION, schema=schema, expired=expired, odd=odd)
    assert notice(wire) == EXPIRING


# https://learn.microsoft.com/azure/event-grid/event-schema-key-vault , the sample
SAMPLE_DATA = {
    "Id": "https://sample-kv.vault.azure.net/secrets/newsecret/ee059b2bb5bc48398a53b168c6cdcb10",
    "VaultName": "sample-kv",
    "ObjectType": "Secret",
    "ObjectName ": "newsecret",
    "Version": " ee059b2bb5bc48398a53b168c6cdcb10",
    "NBF": "1559081980",
    "EXP": "1559082102",
}


@both_schemas
def test_microsofts_own_sample_is_read(schema: Schema) -> None:
    """With a blank behind a name, one before the version, and times as text; its own type is of no concern."""
    wire = event("Microsoft.KeyVault.SecretNewVersionCreated", SAMPLE_DATA, subject="newsecret", schema=schema)
    assert isinstance(notice(wire), Ignored)
    wire |= {"type" if schema == "cloudevents" else "eventType": "Microsoft.KeyVault.SecretNearExpiry"}
    assert notice(wire) == SecretExpiring(
        vault="https://sample-kv.vault.azure.net", name="newsecret", version="ee059b2bb5bc48398a53b168c6cdcb10"
    )


@both_schemas
@respellings
def test_a_secrets_fields_are_found_in_any_spelling(schema: Schema, respell: Callable[[str], str]) -> None:
    """Case and blanks of the names do not matter, and the contradiction of a respelt field is seen."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION, schema=schema)
    assert notice(wire | {"data": renamed(wire["data"], respell)}) == EXPIRING
    wire["data"] |= {"Version": "0" * 32}
    assert problems(wire | {"data": renamed(wire["data"], respell)}) == [("Contradiction", "data.Version")]


def test_the_exact_spelling_of_a_secrets_field_counts() -> None:
    """A second Id in another spelling changes nothing, wherever it stands."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION)
    other = f"https://evil.example/secrets/MySecret/{VERSION}"
    assert notice(wire | {"data": {"ID": other, **wire["data"], " Id": other}}) == EXPIRING


@both_schemas
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ObjectName": None, "Version": None, "VaultName": None, "ObjectType": None}, id="only the Id"),
        pytest.param({"ObjectName": " mysecret "}, id="name in another case"),
        pytest.param({"ObjectType": " secret"}, id="type of object in another case"),
        pytest.param({"Id": f"  {VAULT}/secrets/MySecret/{VERSION}\n"}, id="Id in blanks"),
        pytest.param({"Id": f"HTTPS://MY-Vault.Vault.Azure.Net/Secrets/MySecret/{VERSION}"}, id="Id in other case"),
        pytest.param({"Id": f"{VAULT}:443/secrets/MySecret/{VERSION}"}, id="default port"),
        pytest.param({"Id": f"{VAULT}:/secrets/MySecret/{VERSION}"}, id="empty port"),
        pytest.param({"NBF": 1559081980, "EXP": "1559082102"}, id="times as number and text"),
        pytest.param({"NBF": "soon", "EXP": [1e999]}, id="times that are none"),
        pytest.param({"VaultName": 7, "More": {"a": [1]}}, id="fields that are not needed"),
    ],
)
def test_odd_secret_events_are_tolerated(schema: Schema, changes: Json) -> None:
    """What is not needed may be anything, and what is needed may be spelt as it can be."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION, schema=schema)
    assert notice(wire | {"data": wire["data"] | changes}) == EXPIRING


@pytest.mark.parametrize("object_type", ["Key", "Certificate", "secrets", "S\u0435cret", "ſecret"])
def test_other_objects_are_ignored(object_type: str) -> None:
    """Only secrets publish keys."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION)
    assert isinstance(notice(wire | {"data": wire["data"] | {"ObjectType": object_type}}), Ignored)


@both_schemas
@pytest.mark.parametrize(
    "id_",
    [
        pytest.param(f"http://my-vault.vault.azure.net/secrets/MySecret/{VERSION}", id="http"),
        pytest.param(f"ftp://my-vault.vault.azure.net/secrets/MySecret/{VERSION}", id="other scheme"),
        pytest.param(f"//my-vault.vault.azure.net/secrets/MySecret/{VERSION}", id="no scheme"),
        pytest.param(f"httpſ://my-vault.vault.azure.net/secrets/MySecret/{VERSION}", id="long s"),
        pytest.param(f"{VAULT}/secrets/MySecret/{VERSION}?api-version=7.4", id="query"),
        pytest.param(f"{VAULT}/secrets/MySecret/{VERSION}?", id="empty query"),
        pytest.param(f"{VAULT}/secrets/MySecret/{VERSION}#s3cr3t", id="fragment"),
        pytest.param(f"https://s3cr3t@my-vault.vault.azure.net/secrets/MySecret/{VERSION}", id="user"),
        pytest.param(f"https://my-vault.vault.azure.net@evil/secrets/MySecret/{VERSION}", id="vault as user"),
        pytest.param(f"{VAULT}/secrets/MySecret/{VERSION}/", id="trailing slash"),
        pytest.param(f"{VAULT}/secrets/MySecret/{VERSION}/s3cr3t", id="extra segment"),
        pytest.param(f"{VAULT}/x/secrets/MySecret/{VERSION}", id="segment before"),
        pytest.param(f"{VAULT}//secrets/MySecret/{VERSION}", id="empty segment"),
        pytest.param(f"{VAULT}/secrets/../MySecret/{VERSION}", id="way up"),
        pytest.param(f"{VAULT}/keys/MySecret/{VERSION}", id="a key"),
        pytest.param(f"{VAULT}/secrets/MySecret", id="no version"),
        pytest.param(f"{VAULT}/secrets/MySecret/", id="empty version"),
        pytest.param(f"{VAULT}/secrets//{VERSION}", id="empty name"),
        pytest.param(VAULT, id="the vault alone"),
        pytest.param(f"{VAULT}/secrets/My_Secret/{VERSION}", id="character that names lack"),
        pytest.param(f"{VAULT}/secrets/My%2DSecret/{VERSION}", id="percent-encoded"),
        pytest.param(f"{VAULT}/secrets/My Secret/{VERSION}", id="blank inside"),
        pytest.param(f"{VAULT}/secrets/MySecret\n/{VERSION}", id="line break inside"),
        pytest.param(f"{VAULT}/secrets/MySеcret/{VERSION}", id="Cyrillic letter"),
        pytest.param(f"{VAULT}/secrets/{'n' * 128}/{VERSION}", id="name too long"),
        pytest.param(f"{VAULT}/secrets/MySecret/{'a' * 65}", id="version too long"),
        pytest.param(f"{VAULT}/secrets/MySecret/a-b", id="version with a dash"),
        pytest.param(f"https:///secrets/MySecret/{VERSION}", id="no host"),
        pytest.param(f"https://my_vault/secrets/MySecret/{VERSION}", id="character that hosts lack"),
        pytest.param(f"https://my-vault\\evil/secrets/MySecret/{VERSION}", id="backslash"),
        pytest.param(f"https://my-vault。vault/secrets/MySecret/{VERSION}", id="wide full stop"),
        pytest.param(f"{VAULT}:44a/secrets/MySecret/{VERSION}", id="port that is no number"),
        pytest.param(f"{VAULT}:١/secrets/MySecret/{VERSION}", id="Arabic digit as port"),
        pytest.param(f"{VAULT}:123456/secrets/MySecret/{VERSION}", id="port too long"),
        pytest.param(f"https://{'a' * 254}/secrets/MySecret/{VERSION}", id="host too long"),
        pytest.param("https://" + "a" * 900_000, id="huge"),
        pytest.param("s3cr3t", id="no URL"),
        pytest.param("\ud800", id="half a surrogate pair"),
    ],
)
def test_an_id_that_is_no_secrets_version_is_malformed(schema: Schema, id_: str) -> None:
    """An Id is https, a host, a name and a version, and nothing else."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION, schema=schema)
    assert problems(wire | {"data": wire["data"] | {"Id": id_}}) == [("InvalidPropertyValue", "data.Id")]


@both_schemas
@pytest.mark.parametrize("id_", [None, "", "  "])
def test_without_an_id_the_vault_is_unknown(schema: Schema, id_: str | None) -> None:
    """The vault's name alone does not say in which cloud it is."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION, schema=schema)
    assert problems(wire | {"data": wire["data"] | {"Id": id_}}) == [("MissingProperty", "data.Id")]
    del wire["data"]["Id"]
    assert problems(wire) == [("MissingProperty", "data.Id")]


@both_schemas
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ObjectName": "s3cr3t"}, [("Contradiction", "data.ObjectName")]),
        ({"ObjectName": "MySecret2"}, [("Contradiction", "data.ObjectName")]),
        ({"Version": "0" * 32}, [("Contradiction", "data.Version")]),
        ({"Version": VERSION[:-1]}, [("Contradiction", "data.Version")]),
        (
            {"ObjectName": "a", "Version": "b"},
            [("Contradiction", "data.ObjectName"), ("Contradiction", "data.Version")],
        ),
        ({"Id": 1}, [("InvalidPropertyType", "data.Id")]),
        ({"Id": ["s3cr3t"]}, [("InvalidPropertyType", "data.Id")]),
        ({"ObjectName": {"s3cr3t": 1}}, [("InvalidPropertyType", "data.ObjectName")]),
        ({"Version": 7}, [("InvalidPropertyType", "data.Version")]),
        ({"ObjectType": 1}, [("InvalidPropertyType", "data.ObjectType")]),
        (
            {"ObjectType": True, "Id": "s3cr3t", "ObjectName": 1, "Version": []},
            [
                ("InvalidPropertyType", "data.ObjectType"),
                ("InvalidPropertyType", "data.ObjectName"),
                ("InvalidPropertyType", "data.Version"),
                ("InvalidPropertyValue", "data.Id"),
            ],
        ),
    ],
)
def test_a_secret_event_that_makes_no_sense_is_malformed(
    schema: Schema, changes: Json, expected: list[tuple[str, str]]
) -> None:
    """Contradictions and wrong types are told all at once."""
    wire = secret_near_expiry(VAULT, "MySecret", VERSION, schema=schema)
    assert problems(wire | {"data": wire["data"] | changes}) == expected


@pytest.mark.parametrize(
    ("origin", "vault"),
    [
        ("https://localhost:8443", "https://localhost:8443"),
        ("https://LOCALHOST:08443", "https://localhost:8443"),
        ("https://127.0.0.1:44300", "https://127.0.0.1:44300"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[::1]", "https://[::1]"),
        ("https://my-vault.vault.azure.cn:0443", "https://my-vault.vault.azure.cn"),
        ("https://my-vault.vault.azure.net.", "https://my-vault.vault.azure.net."),
    ],
)
def test_a_vault_is_its_origin(origin: str, vault: str) -> None:
    """In lower case, without the default port, and with any other one."""
    got = notice(secret_near_expiry(origin, "MySecret", VERSION))
    assert isinstance(got, SecretExpiring)
    assert got.vault == vault
    assert got.is_in(vault)
    assert got.is_in(origin)


@pytest.mark.parametrize("url", [VAULT, VAULT.upper(), f"{VAULT}:443", "https://My-Vault.vault.azure.net:"])
def test_a_secret_is_in_its_vault_however_the_setting_spells_it(url: str) -> None:
    """KEY_VAULT_URL may be in another case, and name the default port."""
    assert EXPIRING.is_in(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://other.vault.azure.net",
        "https://my-vault.vault.azure.net.evil",
        "https://my-vault.vault.azure.ne",
        f"{VAULT}:8443",
        f"{VAULT}.",
        "http://my-vault.vault.azure.net",
        "https://evil.my-vault.vault.azure.net",
        f"{VAULT}@evil",
        "",
    ],
)
def test_a_secret_is_in_no_other_vault(url: str) -> None:
    """Another host, port or scheme is another vault."""
    assert not EXPIRING.is_in(url)
