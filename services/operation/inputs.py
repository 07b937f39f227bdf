"""Inputs: the Pydantic models that operations take, checked alike for both faces.

A face passes raw values by their wire names, and `checked` finds every bad field at once.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from services import money, texts
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.ids import NOWHERE, parsed
from services.numbers import integer
from services.suggestions import suggestion


class Input(BaseModel):
    """Base of every operation's input; names on the wire are camelCase."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        json_schema_extra=lambda schema, model: model.describe(schema),
    )
    #: JSON Schemas of the rules over several fields, by wire names. A validator enforces each rule.
    #: They stand in ``allOf``, where generators of clients still see the plain object.
    rules: ClassVar[Sequence[Mapping[str, Any]]] = ()
    #: A body that obeys the rules, where one of all fields would not.
    sample: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def describe(cls, schema: dict[str, Any]) -> None:
        """Add to the model's JSON schema what Pydantic cannot know of it."""
        if cls.rules:
            schema["allOf"] = list(cls.rules)
        if cls.sample:
            schema["examples"] = [dict(cls.sample)]

    def plain(self) -> dict[str, Any]:
        """The input as JSON values, to compare it with another one."""
        return self.model_dump(mode="json")


class Nothing(Input):
    """The input of an operation that takes nothing."""


Model = TypeVar("Model", bound=Input)


def checked(
    model: type[Model], raw: Mapping[str, Any], currency: str, *others: FieldError
) -> Model:
    """The checked input, with amounts of the shop's currency.

    Raises `ValidationFailed` with every bad field, and with ``others``.
    """
    fields = list(others)
    try:
        valid = model.model_validate(raw, context=money.currency(currency))
    except ValidationError as error:
        fields.extend(_field_error(item, model) for item in error.errors(include_url=False))
        raise ValidationFailed(fields=fields) from None
    if fields:
        raise ValidationFailed(fields=fields)
    return valid


def excluding(*names: str) -> dict[str, Any]:
    """A rule for a model: not all of these fields have values."""
    valued = {name: {"not": {"type": "null"}} for name in names}
    return {"not": {"required": list(names), "properties": valued}}


#: Messages for texts that do not fit a pattern, by the pattern.
FORMS: dict[str, str] = {}


def formed(pattern: str, words: str) -> str:
    """A pattern, with what to say of a text that does not fit it: people do not read patterns."""
    FORMS[pattern] = words
    return pattern


_RULES = {
    "missing": ("REQUIRED", "Give a value."),
    "extra_forbidden": ("UNKNOWN_FIELD", "There is no such field."),
    "string_pattern_mismatch": ("INVALID_FORMAT", "Give text of the form {pattern}."),
    "string_too_short": ("TOO_SHORT", "Give {min_length} or more characters."),
    "string_too_long": ("TOO_LONG", "Give {max_length} or fewer characters."),
    "too_short": ("TOO_FEW", "Give {min_length} or more."),
    "too_long": ("TOO_MANY", "Give {max_length} or fewer."),
    "greater_than_equal": ("TOO_SMALL", "Give {ge} or more."),
    "less_than_equal": ("TOO_LARGE", "Give {le} or less."),
    "enum": ("INVALID_CHOICE", "Give one of {expected}."),
    "literal_error": ("INVALID_CHOICE", "Give one of {expected}."),
}
#: The error of a value of the wrong JSON type; GraphQL's own coercion uses it as well.
WRONG_TYPE = ("INVALID_TYPE", "Give a value of the declared type.")
REQUIRED = _RULES["missing"]
INVALID_CHOICE = "INVALID_CHOICE"
UNKNOWN_FIELD = _RULES["extra_forbidden"]


def _field_error(error: Any, model: type[Input]) -> FieldError:
    kind, given, limits = error["type"], error["input"], error.get("ctx", {})
    # A rule over several fields names the field to change.
    # A field that has its default is named as in Python.
    named = str if kind == "extra_forbidden" else lambda part: to_camel(str(part))
    path = limits.get("field") or ".".join(named(part) for part in error["loc"])
    if given is None and (kind.lower().endswith("_type") or kind == "enum"):
        return FieldError(path, *REQUIRED)
    if kind.isupper():
        return FieldError(path, kind, error["msg"])
    if isinstance(given, str) and kind in ("too_short", "too_long"):
        kind = f"string_{kind}"
    code, message = _RULES.get(kind, WRONG_TYPE)
    message = FORMS.get(limits.get("pattern", ""), message)
    if kind == "extra_forbidden":
        meant = _meant(str(error["loc"][-1]), _model_at(model, error["loc"][:-1]))
        return FieldError(path, code, f"{message} Use {meant}." if meant else message)
    return FieldError(path, code, message.format_map(limits))


def _meant(name: str, model: type[Input]) -> str | None:
    """The most likely meaning of an unknown name: a field of the model, or one of a part of it."""
    fields = {item.alias or name: item.annotation for name, item in model.model_fields.items()}
    if found := suggestion(name, fields):
        return found
    for field, kind in fields.items():
        for part in _models(kind):
            inner = suggestion(name, [item.alias or it for it, item in part.model_fields.items()])
            if inner:
                return f"{inner} of {field}"
    return None


def _model_at(model: type[Input], place: Sequence[str | int]) -> type[Input]:
    """The model at a place inside another one; positions in lists are left out."""
    for part in place:
        for name, item in model.model_fields.items():
            if part in (item.alias, name):
                model = next(_models(item.annotation))
    return model


def _models(kind: Any) -> Iterator[type[Input]]:
    """The models that a type is made of."""
    if isinstance(kind, type) and not get_args(kind) and issubclass(kind, Input):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)


def wrong(code: str, message: str, field: str | None = None) -> PydanticCustomError:
    """An error for a validator to raise; its code appears on the wire as it is."""
    return PydanticCustomError(code, message, {"field": field})  # type: ignore[arg-type]


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


#: Longer than any text that is taken. Normalising takes quadratic time in a text's combining marks.
LONGEST_TEXT = 10_000


def _cleaned(value: object, control: re.Pattern[str], longest: int = LONGEST_TEXT) -> object:
    if not isinstance(value, str):
        return value
    if len(value) > longest:
        raise wrong("TOO_LONG", f"Give {longest} or fewer characters.")
    if len(value) > LONGEST_TEXT and texts.piles_marks(value):
        raise wrong("INVALID_FORMAT", "Leave out marks that pile up on one letter.")
    if control.search(value):
        raise wrong("INVALID_FORMAT", "Control characters are not allowed.")
    return unicodedata.normalize("NFC", value.strip())


def clean_line(value: object) -> object:
    """A line of text, trimmed and in NFC; anything else as it is."""
    return _cleaned(value, _CONTROL)


def refuse_controls(value: object) -> object:
    """Text that stays as it was typed; raises an error for control characters."""
    if isinstance(value, str) and _CONTROL.search(value):
        raise wrong("INVALID_FORMAT", "Control characters are not allowed.")
    return value


def _clean_lines(value: object) -> object:
    return _cleaned(value, _CONTROL_IN_LINES)


def clean_long_lines(value: object) -> object:
    """Lines of a text that may be very long; spaces around it may double its length."""
    return _cleaned(value, _CONTROL_IN_LINES, 200_000)


def _legible(value: str) -> str:
    if texts.overrides(value):
        raise wrong("INVALID_FORMAT", "Leave out characters that override the text's direction.")
    if value and not texts.shows_something(value):
        raise wrong("INVALID_FORMAT", "Give text that can be seen.")
    return value


def _name(value: str) -> str:
    if texts.hides_something(value):
        raise wrong("INVALID_FORMAT", "Leave out invisible characters.")
    return _legible(value)


# JSON Schema has no word for "trimmed": api/rest/openapi/schemas.py turns this mark into a pattern.
Line = Annotated[
    str, Strict(), BeforeValidator(clean_line), Field(json_schema_extra={"x-text": "line"})
]
Lines = Annotated[
    str,
    Strict(),
    BeforeValidator(_clean_lines),
    AfterValidator(_legible),
    Field(json_schema_extra={"x-text": "lines"}),
]
#: Lines of a text that may be longer than `LONGEST_TEXT`.
LongLines = Annotated[
    str,
    Strict(),
    BeforeValidator(clean_long_lines),
    AfterValidator(_legible),
    Field(json_schema_extra={"x-text": "lines"}),
]
#: A line that names somebody or something: it can be seen, and hides nothing.
NameLine = Annotated[Line, AfterValidator(_name), Field(json_schema_extra={"x-text": "name"})]

#: A coupon's code as buyers give it. A code that no coupon can have is an unknown code.
CouponCode = Annotated[Line, Field(min_length=1, max_length=40)]


_SLUG = formed(
    r"^[a-z0-9]+(-[a-z0-9]+)*$", "Use small letters and digits, with single hyphens between them."
)
# A name in URLs. Like an id, it is taken as written, not trimmed.
Slug = Annotated[str, Strict(), Field(min_length=1, max_length=100, pattern=_SLUG)]

#: A hash as text.
Sha256 = Annotated[
    str,
    Strict(),
    Field(pattern=formed(r"^[0-9a-f]{64}$", "Give 64 hexadecimal digits in small letters.")),
]


def _url(value: object) -> object:
    value = clean_line(value)
    if isinstance(value, str) and not re.fullmatch(_URL, value):
        raise wrong("INVALID_FORMAT", "Give an address that begins with http:// or https://.")
    return value


#: Without spaces, and without characters that end an attribute or a tag of a page that shows it.
_URL = r"""https?://[^\s/?#"'<>\\]+[^\s"'<>\\]*"""
#: The URL of something on the web, which clients load.
Url = Annotated[
    str,
    Strict(),
    BeforeValidator(_url),
    Field(max_length=500, json_schema_extra={"x-text": "url"}),
]


def _reference(value: object) -> object:
    if isinstance(value, str):
        known = parsed(value)
        if known is None:
            raise wrong("INVALID_FORMAT", "Give a UUID.")
        return known
    return value


def _path_id(value: object) -> object:
    return parsed(value) or NOWHERE


#: An id in a body or a filter. A malformed one is a bad field.
Reference = Annotated[
    str, Strict(), BeforeValidator(_reference), WithJsonSchema({"type": "string", "format": "uuid"})
]
#: The id in a path or an id argument. A malformed one is not found.
PathId = Annotated[str, BeforeValidator(_path_id), WithJsonSchema({"type": "string"})]

#: Every language and database can hold these times in any time zone.
_EARLIEST, _END = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
_LEAP_SECOND = re.compile(r"(?<=T\d\d:\d\d:)60")


def _instant(value: object) -> object:
    """The time in a text of RFC 3339, which may be written in small letters."""
    if not isinstance(value, str):
        return value
    # Python has no leap second: it is the first moment of the next minute.
    text, leap_seconds = _LEAP_SECOND.subn("59", value.strip().upper())
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or "T" not in text:
            raise ValueError
    except ValueError:
        raise wrong("INVALID_FORMAT", "Give a time such as 2026-01-31T12:00:00Z.") from None
    if moment < _EARLIEST:
        raise wrong("TOO_SMALL", "Give a time from the year 1900 on.")
    if moment >= _END:
        raise wrong("TOO_LARGE", "Give a time before the year 3000.")
    return moment.astimezone(UTC) + timedelta(seconds=leap_seconds)


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Period(Input):
    """A half-open range of time."""

    from_: Instant | None = Field(None, alias="from", description="From this time on.")
    to: Instant | None = Field(None, description="Before this time.")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise wrong("CONFLICT", "Give a time later than from.", "to")
        return self


# Query strings carry text; a GraphQL argument of the same name carries the value itself.
def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _number(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return integer(value)
    return value


Flag = Annotated[bool, Strict(), BeforeValidator(_flag)]
PageSize = Annotated[int, Strict(), Field(ge=1, le=100), BeforeValidator(_number)]
#: The size of a list that has one page.
TopSize = Annotated[int, Strict(), Field(ge=1, le=50), BeforeValidator(_number)]
#: A position in something that is numbered without gaps; GraphQL's Int ends there.
Position = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1), BeforeValidator(_number)]
PageNumber = Annotated[int, Strict(), Field(ge=1, le=1_000_000), BeforeValidator(_number)]


def _metadata(value: object) -> object:
    if isinstance(value, Mapping):
        _check_metadata(value, depth=1)
        return _plain(value)
    return value


def _check_metadata(value: object, depth: int) -> None:
    if depth > 5:
        raise wrong("TOO_DEEP", "Nest at most five levels.")
    if isinstance(value, Mapping):
        if len(value) > 50:
            raise wrong("TOO_MANY", "Give at most 50 entries.")
        for name, item in value.items():
            if not isinstance(name, str) or len(name) > 100 or _CONTROL.search(name):
                raise wrong("INVALID_FORMAT", "Names are text of at most 100 characters.")
            _check_metadata(item, depth + 1)
    elif isinstance(value, list | tuple):
        if len(value) > 50:
            raise wrong("TOO_MANY", "Give at most 50 entries.")
        for item in value:
            _check_metadata(item, depth + 1)
    elif isinstance(value, str):
        if len(value) > 1000 or _CONTROL_IN_LINES.search(value):
            raise wrong("INVALID_FORMAT", "Values are text of at most 1000 characters.")
    elif isinstance(value, int | float | Decimal):
        # Beyond 2^53 JavaScript would read another number.
        if not -(2**53) <= value <= 2**53:
            raise wrong("TOO_LARGE", "Give numbers from -2^53 to 2^53.")
    elif value is not None:
        raise wrong("INVALID_TYPE", "Give JSON values.")


def metadata_fault(value: Mapping[str, Any]) -> tuple[str, str] | None:
    """The fault of merged metadata, as a code and a message; None when it is valid."""
    try:
        _check_metadata(value, depth=1)
    except PydanticCustomError as error:
        return error.type, error.message()
    return None


def _plain(value: Any) -> Any:
    """Metadata with decimals as floats again, as metadata is not money."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


Metadata = Annotated[
    dict[str, Any],
    BeforeValidator(_metadata),
    WithJsonSchema({"type": "object", "x-text": "metadata"}),
]
