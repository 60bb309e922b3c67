"""The data of an event: read tolerantly, for that is how it comes, and what it means if it cannot be read (pure).

Field names are taken in any case and with blanks around, texts with blanks: Microsoft's own sample of a Key Vault
event has both. https://learn.microsoft.com/azure/event-grid/event-schema-key-vault
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from shared.errors import AppError, InvalidRequest, Json, Problem
from shared.json_body import JsonObject, decode_object

# an event may have 1 MB, and every property of it may be wrong
_MOST_PROBLEMS = 20


class MalformedEvent(AppError):
    """An event of a known type whose content is wrong; to deliver it again mends nothing.

    Args:
        problems: everything that is wrong, each with its target, such as `data.keyType`; of many the first 20 are told.
    """

    code = "MalformedEvent"
    status = 400

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = tuple(problems[:_MOST_PROBLEMS])
        sentences = [f"{problem.target}: {problem.message}" for problem in told]
        if len(problems) > len(told):
            sentences.append(f"{len(problems) - len(told)} more problems are not told.")
        super().__init__(
            "The event is malformed. " + " ".join(sentences),
            target=told[0].target if len(problems) == 1 else None,
            details=[problem.to_json() for problem in told],
        )
        self.problems = told


def json_object(data: Any) -> JsonObject:
    """Return an event's data: an object, or a text that holds one, as some publishers send it; none is an empty object.

    Raises:
        MalformedEvent: it is something else.
    """
    if data is None:
        return JsonObject({})
    if isinstance(data, str):
        try:
            # half a surrogate pair is no UTF-8, and is refused as such
            return decode_object(data.encode("utf-8", "surrogatepass"))
        except InvalidRequest:
            data = None
    if isinstance(data, dict) and all(isinstance(name, str) for name in cast("dict[Any, Any]", data)):
        return JsonObject(cast("Json", data))
    raise MalformedEvent(
        [Problem("InvalidData", "Must be a JSON object, or a text that holds one; data_base64 is not taken.", "data")]
    )


def canonical(body: JsonObject, known: Iterable[str]) -> JsonObject:
    """Return an object with the known names in their own spelling, and without blanks around names and texts.

    Two names that become one are a problem, as is a name that the text of the object has twice.
    """
    spelling = {name.lower(): name for name in known}
    properties: Json = {}
    problems = list(body.problems)
    for given, value in body.properties.items():
        name = spelling.get(plain(given), given)
        if name in properties:
            problems.append(Problem("DuplicateProperty", "The property is there more than once.", name))
        properties[name] = bare(value)
    return JsonObject(properties, problems)


def value_of(data: Json, name: str) -> Any:
    """Return a field of one of Microsoft's events, or None where it is absent or null.

    Of several spellings of its name the exact one comes first.
    """
    if data.get(name) is not None:
        return data[name]
    wanted = plain(name)
    return next((value for given, value in data.items() if value is not None and plain(given) == wanted), None)


def text_of(data: Json, name: str, problems: list[Problem], path: str = "data") -> str:
    """Return a field's text without the blanks around it, empty where there is none.

    Something else than a text is a problem, with `path` and the name as its target.
    """
    value = value_of(data, name)
    if value is None or isinstance(value, str):
        return (value or "").strip()
    problems.append(Problem("InvalidPropertyType", "Must be a string.", f"{path}.{name}"))
    return ""


def object_of(data: Json, name: str) -> Json:
    """Return a field that is an object, or an empty one where it is none."""
    value = value_of(data, name)
    return cast("Json", value) if isinstance(value, dict) else {}


def bare(value: Any) -> Any:
    """Return a text without the blanks around it, and anything else as it is."""
    return value.strip() if isinstance(value, str) else value


def plain(text: str) -> str:
    """Return a text without the blanks around it and, if it is ASCII, in lower case.

    str.lower() turns a few foreign letters into ASCII ones, the Kelvin sign into a k: another name stays another.
    """
    name = text.strip()
    return name.lower() if name.isascii() else name
