"""What Key Vault answered, or did not -> our errors: codes of every kind, and no value in any of them."""

import json
from typing import Any

import pytest

from shared.azure_clients.key_vault_answers import (
    connection_failed,
    from_status,
    is_no_such_secret,
    is_page,
    not_the_api,
    not_the_vault,
)
from shared.key_vault_errors import (
    KeyVaultError,
    KeyVaultForbidden,
    KeyVaultRejected,
    KeyVaultUnavailable,
    SecretDeleted,
    SecretDisabled,
)
from tests.support.vault import OLD_KEY, connected


def body(code: str, inner: str | None = None, message: str = "Some message.") -> bytes:
    """Return an error as Key Vault writes it."""
    error: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        error["innererror"] = {"code": inner}
    return json.dumps({"error": error}).encode()


def translate(
    status: int, answer: bytes = b"", *, headers: dict[str, str] | None = None, changes: bool = True
) -> KeyVaultError:
    """Translate an answer about the secret `s`."""
    return from_status(status, headers or {}, answer, secret="s", changes=changes)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ("ForbiddenByRbac", "Secrets Officer"),
        ("ForbiddenByPolicy", "access policy"),
        ("AccessDenied", "access policy"),
        ("ForbiddenByConnection", "network"),
        ("ForbiddenByFirewall", "firewall"),
        ("SomethingNew", "may get, list and set"),
        (None, "may get, list and set"),
    ],
)
def test_a_denial_says_what_to_do(inner: str | None, words: str) -> None:
    """Role, access policy or network: each has its own sentence; Key Vault's own words stand in details."""
    error = translate(403, body("Forbidden", inner))
    assert isinstance(error, KeyVaultForbidden)
    assert (error.status, error.code, error.retriable, error.target) == (403, "KeyVaultForbidden", False, "s")
    assert words in error.message
    assert error.details == ({"code": inner or "Forbidden", "message": "Some message."},)


@pytest.mark.parametrize("answer", [b"", b"<html>", b"null", b'{"error": "no"}', b'{"error": {"innererror": 7}}'])
def test_a_denial_needs_no_body(answer: bytes) -> None:
    """Whatever comes with a 403, it is a denial."""
    error = translate(403, answer)
    assert isinstance(error, KeyVaultForbidden)
    assert error.details == ()


def test_a_disabled_secret_is_no_denial() -> None:
    """The same 403, with another code inside, is a state of the secret."""
    error = translate(403, body("Forbidden", "SecretDisabled"))
    assert isinstance(error, SecretDisabled)
    assert (error.status, error.code, error.target) == (409, "SecretDisabled", "s")


@pytest.mark.parametrize("inner", ["ObjectIsDeletedButRecoverable", "ObjectIsBeingDeleted"])
def test_a_deleted_secret_is_told_as_one(inner: str) -> None:
    """The name is taken until somebody recovers or purges it."""
    error = translate(409, body("Conflict", inner))
    assert isinstance(error, SecretDeleted)
    assert (error.status, error.code, error.target) == (409, "SecretDeleted", "s")


@pytest.mark.parametrize(
    ("status", "answer", "doubtful"),
    [
        (401, b"", False),
        (408, b"", True),
        (409, body("Conflict", "ObjectIsBeingRecovered"), False),
        (429, body("Throttled"), False),
        (500, b"", True),
        (502, b"<html>", True),
        (503, b"", True),
        (504, b"", True),
        (200, b"{}", True),
        (302, b"", False),
    ],
)
def test_what_may_pass_is_unavailable(status: int, answer: bytes, doubtful: bool) -> None:
    """Throttling, failures and nonsense are retriable, and doubtful only where the change may have happened."""
    error = translate(status, answer)
    assert isinstance(error, KeyVaultUnavailable)
    assert (error.status, error.code, error.retriable, error.doubtful) == (503, "KeyVaultUnavailable", True, doubtful)
    read = translate(status, answer, changes=False)
    assert isinstance(read, KeyVaultUnavailable)
    assert read.doubtful is False


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [("7", {"Retry-After": "7"}), ("Wed, 21 Oct 2026 07:28:00 GMT", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})]
    + [(bad, {}) for bad in ("", "7\r\nX: y", "-1", "9" * 10, "soon")],
)
@pytest.mark.parametrize("status", [409, 429, 503])
def test_retry_after_is_passed_on(status: int, sent: str, passed_on: dict[str, str]) -> None:
    """Seconds or a date; anything else is not sent on."""
    assert translate(status, headers={"Retry-After": sent}).headers == passed_on


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415])
def test_what_is_refused_as_wrong_shows_codes_alone(status: int) -> None:
    """Key Vault's words about a bad request may quote the request, which held the value."""
    error = translate(status, body("BadParameter", message="s3cr3t is too long"))
    assert isinstance(error, KeyVaultRejected)
    assert (error.status, error.code, error.retriable) == (502, "KeyVaultRejected", False)
    assert "BadParameter" in error.message
    assert "s3cr3t" not in str(error.to_json())


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500])
def test_a_key_in_key_vaults_words_is_scrubbed(status: int) -> None:
    """What goes on as a detail holds no key."""
    error = translate(status, body("Code", message=f"{connected(OLD_KEY)} {OLD_KEY}"))
    assert OLD_KEY not in str(error.to_json())
    assert "REDACTED" in str(error.to_json())


def test_a_key_is_scrubbed_before_the_text_is_cut() -> None:
    """Half a key at the end of a long text would look like none."""
    for position in range(1950, 2001, 5):
        error = translate(503, body("Code", message="x " * (position // 2) + OLD_KEY))
        assert OLD_KEY[:20] not in str(error.to_json())


@pytest.mark.parametrize("answer", [b"\xff", b"[" * 60_000, b"x" * 70_000, body("no code\n"), body("c" * 101)])
def test_nonsense_has_no_details(answer: bytes) -> None:
    """Neither depth nor length nor an odd code get further."""
    error = translate(503, answer)
    assert error.details == ()


def test_only_key_vaults_own_word_means_that_there_is_no_secret() -> None:
    """Anything may answer 404; what is not SecretNotFound is an error, or a secret would be created in its place."""
    assert is_no_such_secret(body("SecretNotFound"))
    for answer in (b"", b"<html>Not Found</html>", body("NotFound"), body("x", "SecretNotFound"), b"[]"):
        assert not is_no_such_secret(answer)


@pytest.mark.parametrize(
    ("sent", "changes", "doubtful"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_lost_connection_is_doubtful_only_after_a_change_was_sent(sent: bool, changes: bool, doubtful: bool) -> None:
    """What never left changed nothing; the reason is a type, never a text."""
    error = connection_failed(sent=sent, reason="ClientOSError", secret="s", changes=changes)
    assert (error.status, error.doubtful, error.target) == (503, doubtful, "s")
    assert "ClientOSError" in error.message


def test_a_stranger_at_the_vaults_address_got_no_token() -> None:
    """A challenge of another domain changes nothing, and names the setting."""
    error = not_the_vault(secret=None)
    assert (error.doubtful, error.target) == (False, None)
    assert "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE" in error.message
    assert not_the_api(secret=None, changes=True).doubtful


def test_only_a_page_is_taken_for_a_listing() -> None:
    """Anything may answer 200; what is no page must not be taken for a vault without secrets."""
    assert is_page(b'{"value": [], "nextLink": null}')
    assert is_page(b'{"value": [{"id": "x"}]}')
    for answer in (b"", b"{}", b'{"value": null}', b'{"value": {}}', b"[]", b"<html>", b'{"value": [', b"[" * 100_000):
        assert not is_page(answer)
