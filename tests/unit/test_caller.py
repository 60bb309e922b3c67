"""Who calls: trusted where App Service vouches, and nobody in particular everywhere else."""

import base64
import json
import logging
from typing import Any

import pytest

from shared.caller import ANONYMOUS, Caller, identify, require_role
from shared.errors import RoleRequired
from tests.support.fakes import client_principal

MICROSOFT_ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


def headers(principal: str) -> dict[str, str]:
    """Return the headers that App Service authentication sets for a principal."""
    return {
        "x-ms-client-principal": principal,
        "x-ms-client-principal-id": "object-1",
        "x-ms-client-principal-name": "ann@contoso.example",
    }


def encoded(principal: Any) -> str:
    """Return a header of any JSON."""
    return base64.b64encode(json.dumps(principal).encode()).decode()


def test_a_forged_principal_is_ignored_where_app_service_does_not_vouch() -> None:
    """Without App Service authentication anybody may write the headers, so nobody is believed."""
    caller = identify(headers(client_principal("Keys.Regenerate")), app_service_authentication=False)
    assert caller is ANONYMOUS
    assert caller.roles == frozenset()


def test_a_principal_that_app_service_vouches_for_is_believed() -> None:
    """Id, name and roles are those of the platform's headers."""
    caller = identify(headers(client_principal("Keys.Regenerate", "Other")), app_service_authentication=True)
    assert caller == Caller(
        "AppServicePrincipal",
        id="object-1",
        name="ann@contoso.example",
        roles=frozenset({"Keys.Regenerate", "Other"}),
    )


def test_without_a_principal_the_caller_is_a_holder_of_a_key() -> None:
    """App Service may let anonymous requests pass: an id alone, without a principal, makes nobody known."""
    assert identify({}, app_service_authentication=True) is ANONYMOUS
    assert identify({"x-ms-client-principal-id": "object-1"}, app_service_authentication=True) is ANONYMOUS


@pytest.mark.parametrize(
    ("principal", "roles"),
    [
        pytest.param(client_principal("a", role_type="roles"), {"a"}, id="roles"),
        pytest.param(client_principal("a", role_type=MICROSOFT_ROLE), {"a"}, id="the long name"),
        pytest.param(
            client_principal("a", role_type="groups", claims=[{"typ": "role", "val": "b"}]),
            {"a"},
            id="role_typ decides",
        ),
        pytest.param(client_principal(claims=[{"typ": "name", "val": "Keys.Regenerate"}]), set[str](), id="name"),
        pytest.param(encoded({"claims": [{"typ": "roles", "val": "a"}]}), {"a"}, id="no role_typ"),
        pytest.param(encoded({"role_typ": None, "claims": [{"typ": "roles", "val": "a"}]}), {"a"}, id="null role_typ"),
        pytest.param(encoded({"role_typ": "r", "claims": []}), set[str](), id="no claims"),
    ],
)
def test_roles_are_the_claims_of_the_role_type(principal: str, roles: set[str]) -> None:
    """The principal says which type of claim holds its roles; claims of other types are no roles."""
    caller = identify(headers(principal), app_service_authentication=True)
    assert caller.kind == "AppServicePrincipal"
    assert caller.roles == roles


@pytest.mark.parametrize(
    "principal",
    [
        pytest.param("!!!", id="no base64"),
        pytest.param("é", id="no ASCII"),
        pytest.param("YQ", id="no padding"),
        pytest.param(client_principal("Keys.Regenerate") + "!", id="a character that base64 has not"),
        pytest.param(base64.b64encode(b"\xff\xfe").decode(), id="no UTF-8"),
        pytest.param(base64.b64encode(b"{").decode(), id="no JSON"),
        pytest.param(base64.b64encode(b'{"claims":' + b"[" * 40_000).decode(), id="deep"),
        pytest.param(encoded(None), id="null"),
        pytest.param(encoded([]), id="list"),
        pytest.param(encoded("text"), id="string"),
        pytest.param(encoded({}), id="no claims"),
        pytest.param(encoded({"claims": None}), id="claims null"),
        pytest.param(encoded({"claims": 5}), id="claims a number"),
        pytest.param(encoded({"claims": "roles"}), id="claims a string"),
        pytest.param(encoded({"claims": {"roles": "Keys.Regenerate"}}), id="claims an object"),
        pytest.param(encoded({"claims": ["Keys.Regenerate"]}), id="claims of strings"),
        pytest.param(encoded({"claims": [{"typ": "roles"}]}), id="claim without value"),
        pytest.param(encoded({"claims": [{"val": "Keys.Regenerate"}]}), id="claim without type"),
        pytest.param(client_principal("r" * 70_000), id="huge"),
    ],
)
def test_a_principal_that_cannot_be_read_makes_nobody_known(principal: str, caplog: pytest.LogCaptureFixture) -> None:
    """A broken principal never fails the request and never grants a role; the log says that it was broken."""
    with caplog.at_level(logging.WARNING):
        assert identify(headers(principal), app_service_authentication=True) is ANONYMOUS
    assert "cannot be read" in caplog.text
    assert "Keys.Regenerate" not in caplog.text


def test_long_ids_and_names_are_cut() -> None:
    """What goes into the audit line is bounded."""
    caller = identify(
        headers(client_principal())
        | {"x-ms-client-principal-id": "i" * 9000, "x-ms-client-principal-name": "n" * 9000},
        app_service_authentication=True,
    )
    assert (len(caller.id), len(caller.name)) == (128, 256)


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        (ANONYMOUS, {"kind": "FunctionKey"}),
        (Caller("AppServicePrincipal"), {"kind": "AppServicePrincipal"}),
        (
            Caller("AppServicePrincipal", id="i", name="n", roles=frozenset({"r"})),
            {"kind": "AppServicePrincipal", "id": "i", "name": "n"},
        ),
    ],
)
def test_the_audit_line_names_what_is_known(caller: Caller, shown: dict[str, str]) -> None:
    """Kind always, id and name where they are known, roles never."""
    assert caller.to_json() == shown


@pytest.mark.parametrize(
    ("roles", "required"),
    [
        pytest.param(set[str](), set[str](), id="none required"),
        pytest.param({"x"}, set[str](), id="none required of a caller with a role"),
        pytest.param({"a"}, {"a"}, id="the one"),
        pytest.param({"a", "x"}, {"a", "b"}, id="one of several"),
    ],
)
def test_a_caller_with_a_required_role_passes(roles: set[str], required: set[str]) -> None:
    """One of the required roles is enough, and where none is required everybody passes."""
    require_role(Caller("AppServicePrincipal", roles=frozenset(roles)), frozenset(required))


def test_anonymous_passes_where_no_role_is_required() -> None:
    """A function key is enough where no app role is asked for."""
    require_role(ANONYMOUS, frozenset())


@pytest.mark.parametrize(
    ("caller", "advice"),
    [
        pytest.param(ANONYMOUS, "sign in", id="anonymous"),
        pytest.param(Caller("AppServicePrincipal"), "Assign one", id="no role"),
        pytest.param(Caller("AppServicePrincipal", roles=frozenset({"A", "a2"})), "Assign one", id="near misses"),
    ],
)
def test_a_caller_without_one_is_refused(caller: Caller, advice: str) -> None:
    """A caller who has none of the required roles gets 403 with the roles and what to do."""
    with pytest.raises(RoleRequired, match=advice) as raised:
        require_role(caller, frozenset({"b", "a"}))
    assert (raised.value.status, raised.value.code) == (403, "RoleRequired")
    assert "a, b" in raised.value.message
