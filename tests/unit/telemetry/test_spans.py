"""Spans: what they carry, what they never carry, and that they cost nothing where nobody listens."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from shared.errors import ArmRejected
from shared.redaction import REDACTED, Secret
from shared.telemetry.names import Attribute
from shared.telemetry.spans import shown, span
from tests.support.log_wall import SECRETS
from tests.support.telemetry import Telemetry, attributes, is_failed

ROOT = Path(__file__).resolve().parents[3]


def test_a_span_has_its_attributes(telemetry: Telemetry) -> None:
    """Those of its beginning and those of its end, under their names, numbers as numbers; None says nothing."""
    with span("step", {Attribute.KEY_TYPE: "Primary", Attribute.PLAN: None}) as told:
        told.tell({Attribute.STATUS_CODE: 200})
    assert attributes(telemetry.only("step")) == {"acs.key_type": "Primary", "http.response.status_code": 200}
    assert not is_failed(telemetry.only("step"))


def test_a_span_within_another_is_its_child(telemetry: Telemetry) -> None:
    """Who opens one inside another says what belongs together."""
    with span("outer", {}), span("inner", {}):
        pass
    outer, inner = telemetry.only("outer"), telemetry.only("inner")
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id


@SECRETS
def test_an_attribute_shows_no_key(telemetry: Telemetry, secret: str) -> None:
    """Whatever is told goes through the scrubber, before it is cut to its longest."""
    with span("step", {Attribute.REASON: f"leaked: {secret}"}) as told:
        told.tell({Attribute.CALLER_NAME: " " * 270 + secret})
        told.failed(secret)
    assert secret not in telemetry.everything()
    assert attributes(telemetry.only("step"))["acs.reason"] == f"leaked: {REDACTED}"
    assert len(attributes(telemetry.only("step"))["acs.caller.name"]) <= 300
    assert secret[:12] not in telemetry.everything()


def test_a_secret_is_no_value() -> None:
    """A Secret shows as redacted, even a short one that no pattern knows."""
    assert shown({Attribute.REASON: cast("Any", Secret("1234"))}) == {"acs.reason": REDACTED}


def test_a_long_text_is_cut_at_300_characters() -> None:
    """That many leave the process, and no more."""
    assert [len(str(shown({Attribute.REASON: "- " * half})["acs.reason"])) for half in (150, 151)] == [300, 300]


def test_half_a_surrogate_pair_is_replaced() -> None:
    """A caller may be called so; an exporter could not write it, and would lose what else it had to send."""
    assert shown({Attribute.CALLER_NAME: "a\ud800b"}) == {"acs.caller.name": "a?b"}


def test_a_name_that_is_not_in_the_list_is_refused() -> None:
    """Nobody can tell what nobody has thought about."""
    with pytest.raises(ValueError, match=r"acs\.key_value"):
        shown({cast("Attribute", "acs.key_value"): "x"})


@SECRETS
@pytest.mark.parametrize("ours", [True, False], ids=["our error", "another one"])
def test_an_exception_leaves_its_code_alone(telemetry: Telemetry, secret: str, ours: bool) -> None:
    """Neither message nor stack is recorded: the SDKs' errors may quote what was sent. The exception goes on."""
    error: Exception = ArmRejected(403, "AuthorizationFailed", secret) if ours else RuntimeError(secret)
    with pytest.raises(type(error)), span("step", {}):
        raise error
    told = telemetry.only("step")
    code = "AuthorizationFailed" if ours else "RuntimeError"
    # Azure Monitor shows the second one alone
    assert attributes(told) == {"error.type": code, "acs.error.code": code}
    assert is_failed(told)
    assert told.status.description == code
    assert list(told.events) == []
    assert secret not in told.to_json()


def test_where_nobody_listens_no_metrics_api_is_loaded() -> None:
    """Without an SDK a span and a count do nothing, and nothing is imported for them."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import function_app\n"
        "from shared.telemetry import metrics; from shared.telemetry.spans import span\n"
        "with span('step', {}): metrics.key_delivered(1.0)\n"
        "print(*(name for name in sys.modules if name.startswith(('opentelemetry.metrics', 'opentelemetry.sdk'))))"
    )
    child = subprocess.run(  # noqa: S603  # this interpreter, with a script of our own
        [sys.executable, "-I", "-c", script, str(ROOT)], capture_output=True, text=True, check=False, timeout=60
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.split() == []
