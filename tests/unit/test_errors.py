"""The error hierarchy: codes, statuses and the wire form, as the contract's table has them."""

import pytest

from shared import errors
from shared.errors import AppError, InvalidRequest, NotConfigured, Problem, RegenerationOutcome

PROBLEM = Problem("Code", "Message.", "target")
UNKNOWN = RegenerationOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequest([PROBLEM]), 400, "InvalidRequest"),
        (InvalidRequest([PROBLEM], code="MissingApiVersionParameter"), 400, "MissingApiVersionParameter"),
        (errors.ResourceNotAllowed(), 403, "ResourceNotAllowed"),
        (errors.RoleRequired("m"), 403, "RoleRequired"),
        (errors.PreconditionFailed("m"), 412, "PreconditionFailed"),
        (errors.RequestEntityTooLarge("m"), 413, "RequestEntityTooLarge"),
        (errors.UnsupportedMediaType("m"), 415, "UnsupportedMediaType"),
        (errors.UnexpectedError(), 500, "InternalServerError"),
        (NotConfigured([PROBLEM]), 503, "NotConfigured"),
        (errors.ManagedIdentityUnavailable("m"), 503, "ManagedIdentityUnavailable"),
        (errors.DeadlineExceeded("m"), 504, "DeadlineExceeded"),
        (errors.DurableFunctionsUnavailable("m"), 503, "DurableFunctionsUnavailable"),
        (errors.ArmRejected(429, "TooManyRequests", "m"), 429, "TooManyRequests"),
        (errors.UpstreamAuthenticationFailed("m"), 502, "UpstreamAuthenticationFailed"),
        (errors.UpstreamFailed("m"), 502, "UpstreamError"),
        (errors.UpstreamUnreachable("m", sent=True), 502, "UpstreamUnreachable"),
        (errors.UpstreamResponseInvalid("m"), 502, "UpstreamResponseInvalid"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AppError) else None,
)
def test_each_error_has_its_status_and_code(error: AppError, status: int, code: str) -> None:
    """Each error knows the HTTP status and the ARM code that the contract's table gives it."""
    assert (error.status, error.code) == (status, code)
    assert error.to_json()["error"]["code"] == code
    assert str(error) == error.message


def test_the_smallest_wire_form_is_code_and_message() -> None:
    """Fields without content are left out."""
    assert AppError("Message.").to_json() == {"error": {"code": "InternalServerError", "message": "Message."}}


def test_the_largest_wire_form_is_arms_error_response() -> None:
    """Target, details and additionalInfo stand under their ARM names, the outcome last in additionalInfo."""
    error = AppError(
        "Message.",
        target="t",
        details=[{"code": "c", "message": "m"}],
        additional_info=[{"type": "Mine", "info": {}}],
        outcome=UNKNOWN,
    )
    assert error.to_json() == {
        "error": {
            "code": "InternalServerError",
            "message": "Message.",
            "target": "t",
            "details": [{"code": "c", "message": "m"}],
            "additionalInfo": [
                {"type": "Mine", "info": {}},
                {"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}},
            ],
        }
    }


@pytest.mark.parametrize(
    ("outcome", "spelt"),
    [
        (RegenerationOutcome.NOT_REGENERATED, "NotRegenerated"),
        (RegenerationOutcome.UNKNOWN, "Unknown"),
        (RegenerationOutcome.REGENERATED, "Regenerated"),
    ],
)
def test_outcomes_are_spelt_as_the_contract_does(outcome: RegenerationOutcome, spelt: str) -> None:
    """The three outcomes have the contract's names."""
    assert AppError("m", outcome=outcome).to_json()["error"]["additionalInfo"] == [
        {"type": "RegenerationOutcome", "info": {"outcome": spelt}}
    ]


def test_the_wire_form_can_be_taken_twice() -> None:
    """Writing an error down changes nothing in it."""
    error = AppError("m", outcome=UNKNOWN)
    assert error.to_json() == error.to_json()


def test_one_problem_is_told_in_the_message_itself() -> None:
    """A request with one problem has its sentence and target at the top, and the problem in details too."""
    assert InvalidRequest([PROBLEM]).to_json() == {
        "error": {
            "code": "InvalidRequest",
            "message": "Message.",
            "target": "target",
            "details": [{"code": "Code", "message": "Message.", "target": "target"}],
        }
    }


def test_several_problems_are_counted_and_told_in_details() -> None:
    """With several problems the top has no target of its own."""
    error = InvalidRequest([PROBLEM, Problem("Other", "More.", "elsewhere")]).to_json()["error"]
    assert "target" not in error
    assert "2 problems" in error["message"]
    assert [detail["target"] for detail in error["details"]] == ["target", "elsewhere"]


def test_a_code_of_one_error_does_not_stick_to_the_next() -> None:
    """ARM's code for one request leaves the class as it was."""
    InvalidRequest([PROBLEM], code="MissingApiVersionParameter")
    assert InvalidRequest([PROBLEM]).code == "InvalidRequest"


def test_missing_settings_are_named_once_each() -> None:
    """The message names every setting, in order and once."""
    error = NotConfigured([PROBLEM, Problem("c", "m", "B"), PROBLEM])
    assert "target, B." in error.message
    assert len(error.details) == 3


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AppError)]
)
def test_every_error_stands_in_the_drawing(kind: type[AppError]) -> None:
    """The hierarchy drawn in the module's docstring has every error class."""
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__
