"""What keeps keys out of sight: the Secret type, fingerprints, redacted keys, and a scrubber for text and logs."""

import hashlib
import hmac
import logging
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, cast

REDACTED = "REDACTED"


def fingerprint(key: str) -> str:
    """Return `sha256:` and the first 16 hex digits of the SHA-256 of a key's text.

    64 bits tell two keys apart and, the key having at least 256 random bits, say nothing about it.
    """
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Secret:
    """A text that no print, format, log, repr, JSON or pickle can show; only `reveal()` gives it out."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the text itself. Each call is a place to look at in a review."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the text."""
        return fingerprint(self.__value)

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, format_spec: str) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self.__value.encode("utf-8", "surrogatepass"), other.__value.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied: it would leave the process in the clear")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One access key of a Communication Services resource with its connection string, if ARM gave one."""

    key: Secret
    connection_string: Secret | None = None

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint."""
        return self.key.fingerprint

    def redacted(self, key_type: str) -> dict[str, str]:
        """Return the fields of `CommunicationServiceKeys` for this key, with REDACTED for the key itself.

        Args:
            key_type: `Primary` or `Secondary`.
        """
        prefix = key_type.lower()
        fields = {f"{prefix}Key": REDACTED}
        if self.connection_string is not None:
            fields[f"{prefix}ConnectionString"] = redact_connection_string(self.connection_string.reveal())
        return fields


def redact_connection_string(text: str) -> str:
    """Return a connection string with its endpoint kept and everything else that has a value redacted.

    `endpoint=https://host/;accesskey=…` gives `endpoint=https://host/;accesskey=REDACTED`; names are
    case-insensitive, and a text that is no connection string gives REDACTED alone.
    """
    parts = [part for part in text.split(";") if part.strip()]
    names = [part.partition("=")[0].strip().lower() for part in parts]
    if "endpoint" not in names or "accesskey" not in names:
        return REDACTED
    kept: list[str] = []
    for part, name in zip(parts, names, strict=True):
        label, _, value = part.partition("=")
        if name not in ("endpoint", "accesskey"):
            # nobody knows what it is: even its name may be the rest of a key
            kept.append(REDACTED)
            continue
        shown = scrub(value) if name == "endpoint" and _ENDPOINT.fullmatch(value.strip()) else REDACTED
        kept.append(f"{label.strip()}={shown.strip()}")
    return ";".join(kept)


_ENDPOINT = re.compile(r"https?://[^\s@?#;]+", re.IGNORECASE)

# A run of base64, also as URLs and JSON escape it. It is taken whole (possessively) and from its beginning, and
# looked at afterwards: a pattern that goes back and forth in it would cost its length squared.
_RUN = r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]|%2[BbFf]|\\u002[BbFf]|\\/){40,}+(?:=|%3[Dd]|\\u003[Dd]){0,2}"


def _redact_run(run: re.Match[str]) -> str:
    """Redact a run of base64 that is a key: 64 bytes end in padding, the newer shape has a signature inside."""
    text = run[0]
    signed = 40 <= text.find("JQQJ99", 40) <= len(text) - 18
    return REDACTED if signed or text.endswith(("=", "%3D", "%3d", "\\u003D", "\\u003d")) else text


# The known shapes of what must not be seen, each with words (in lower case) one of which a text must hold to have
# it: log lines are many, and a search for a word costs a fiftieth of a pattern. Order matters: the named ones come
# first, so that their names stay.
_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # accesskey=… in connection strings, whatever its length
    (
        ("accesskey",),
        re.compile(r"(accesskey\s*(?:=|%3[Dd])\s*)[^;\s\"'\\,}&]+", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
    # the properties of CommunicationServiceKeys, in JSON and in Python's repr
    (
        ("primaryk", "primaryc", "primary_", "secondaryk", "secondaryc", "secondary_"),
        re.compile(
            r"((?:primary|secondary)_?(?:Key|Connection_?String)\\?[\"']?\s*[:=]\s*\\?[\"']?)"
            r"(?!endpoint=)[^\"'\\,;}\s]+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (("bearer",), re.compile(r"\b(bearer\s+)[A-Za-z0-9._~+/-]{16,}=*", re.IGNORECASE), rf"\1{REDACTED}"),
    # JSON Web Tokens
    (
        ("eyj",),
        re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        REDACTED,
    ),
    (("=", "%3d", "\\u003d", "jqqj99"), re.compile(_RUN), _redact_run),
)


def scrub(text: str) -> str:
    """Return the text with everything that looks like a key, a connection string's key or a token redacted."""
    lower = text.lower()
    for words, pattern, replacement in _SHAPES:
        for word in words:
            if word in lower:
                text = pattern.sub(replacement, text)
                break
    return text


def scrub_json(value: Any) -> Any:
    """Return a JSON value with each of its strings, names included, scrubbed."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {scrub(str(name)): scrub_json(item) for name, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [scrub_json(item) for item in cast("list[Any]", value)]
    return value


def scrub_record(record: logging.LogRecord) -> logging.LogRecord:
    """Scrub a log record in place: its message with its arguments, its stack and its traceback.

    A record in which nothing is found keeps its arguments and its exception untouched.
    """
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001  # logging would report the arguments on stderr as they are
        message, record.msg, record.args = "", "a log call whose arguments do not fit its format", None
    scrubbed = scrub(message)
    if scrubbed != message:
        record.msg, record.args = scrubbed, None
    if record.exc_info and record.exc_info[0] is not None:
        text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        clean = scrub(text)
        # exporters take an exception's arguments for its message, whatever its own text says of them
        if clean != text or not _is_clean(getattr(record.exc_info[1], "args", ())):
            # exporters read exc_info itself, so the exception must go and only its clean text may stay
            record.exc_text, record.exc_info = clean, None
    if record.stack_info:
        record.stack_info = scrub(record.stack_info)
    return record


def scrub_extra(value: Any) -> Any:
    """Return what a log call gave as `extra`, or its scrubbed text where anything in it looks like a key."""
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, (bool, int, float)) or _is_clean(value):
        return value
    try:
        return scrub(str(value))
    except Exception:  # noqa: BLE001  # what cannot be shown cannot be looked at either
        return REDACTED


def _is_clean(value: Any) -> bool:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  # as above
        return False
    return scrub(text) == text


_LONGEST_WORD = 20


class _ScrubbedFields(dict[str, Any]):
    """The fields of a log record, into which logging puts those of `extra` after the factory has made it."""

    def __setitem__(self, name: str, value: Any) -> None:
        # the shorter ones are words of code
        super().__setitem__(scrub(name) if len(name) > _LONGEST_WORD else name, scrub_extra(value))


def guard_logs() -> None:
    """Scrub every log record of the process from now on, whichever logger makes and whichever handler takes it: its
    message, its exception, and the fields of `extra`.

    The second wall: keys are Secrets and never reach a log call in the first place.
    """
    make = logging.getLogRecordFactory()
    if getattr(make, "scrubs", False):
        return
    logging.setLogRecordFactory(_scrubbing(make))


def _scrubbing(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make_scrubbed(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = scrub_record(make(*args, **kwargs))
        record.__dict__ = _ScrubbedFields(record.__dict__)
        return record

    make_scrubbed.scrubs = True  # pyright: ignore[reportFunctionMemberAccess]  # marks the wall as standing
    return make_scrubbed
