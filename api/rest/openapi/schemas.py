"""JSON Schema of operations' inputs and results, exact enough to generate test cases from.

Inputs come from Pydantic models, results from msgspec structs. A pattern expresses rules that JSON
Schema has no keyword for; for example, text is trimmed before its characters are counted.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from api.rest.openapi import amounts
from services.money import Currency
from services.operation.inputs import Input

Schema = dict[str, Any]
_REFERENCE = "#/components/schemas/"

# Spaces that str.strip removes, and control characters, which are refused before that.
_SPACES = r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_LINE_SPACES = r"\t\n\r" + _SPACES
# Invisible characters, without those that may stay between letters or after an emoji.
_INVISIBLE = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800"
    r"\u3164\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"
)
_CONTROLS_IN_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_NO_SPACE = f"[^@{_SPACES}{_CONTROLS}]"
_IN_URL = rf"""[^"'<>\\{_SPACES}{_CONTROLS}]"""
_URL = rf"https?://[^/?#{_IN_URL[2:]}+{_IN_URL}*"
_EMAIL = rf"{_NO_SPACE}+@{_NO_SPACE}+\.{_NO_SPACE[:-1]}.]+"

METADATA_EXAMPLE = {"material": "walnut", "watts": 7}


def reference(name: str) -> Schema:
    """A reference to a schema of the components."""
    return {"$ref": _REFERENCE + name}


def input_schemas(model: type[Input], currency: Currency) -> tuple[Schema, dict[str, Schema]]:
    """An input's own schema, and the schemas it refers to."""
    schema = model.model_json_schema(by_alias=True, ref_template=_REFERENCE + "{model}")
    parts = schema.pop("$defs", {})
    for part in (schema, *parts.values()):
        _tidy(part, currency)
    for part in parts.values():
        drop_defaults(part)
    if "metadata" in schema.get("properties", {}):
        parts["Metadata"] = _METADATA
    return schema, parts


def drop_defaults(schema: Schema) -> None:
    """Drop the defaults of a body's properties.

    Generators of clients take a property with a default for one that is always there. A default
    other than null or empty is said in the property's description.
    """
    for item in schema.get("properties", {}).values():
        item.pop("default", None)


def parameter_schema(schema: Schema) -> Schema:
    """The schema of a query parameter, made from a body property's: always text, never null."""
    schema = {name: value for name, value in schema.items() if name != "description"}
    if choices := schema.pop("anyOf", None):
        schema |= next(item for item in choices if item.get("type") != "null")
    if schema.get("default", 0) is None:
        del schema["default"]
    return schema


def result_schemas(results: Iterable[type], currency: Currency | None = None) -> dict[str, Schema]:
    """The schemas of results and of all their parts, by name; amounts need a currency."""
    structures, enums = _parts(results)
    _, schemas = msgspec.json.schema_components(structures, ref_template=_REFERENCE + "{name}")
    for structure in structures:
        schema = schemas[structure.__name__]
        schema["required"] = list(schema["properties"])
        hints = get_type_hints(structure)
        for item in structs.fields(structure):
            written = schema["properties"][item.encode_name]
            _result_property(item.encode_name, written, hints[item.name], currency)
    for enum in enums:
        schemas[enum.__name__] |= {"type": "string", "enum": [item.value for item in enum]}
    return dict(schemas)


def example(schema: Schema, parts: Mapping[str, Schema], *, everything: bool = False) -> Any:
    """A value that fits a schema, made from its examples.

    An object gets its required properties, or with ``everything`` all of them.
    """
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        return example(parts[schema["$ref"].removeprefix(_REFERENCE)], parts, everything=everything)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], parts, everything=everything)
    if schema.get("type") == "object" and "properties" in schema:
        wanted = schema["properties"] if everything else schema.get("required", ())
        return {
            name: example(schema["properties"][name], parts, everything=everything)
            for name in wanted
        }
    if schema.get("type") == "array":
        return [example(schema["items"], parts, everything=everything)]
    if "enum" in schema:
        return schema["enum"][0]
    return _EXAMPLES.get(schema.get("format", schema.get("type", "")), "text")


_EXAMPLES: dict[str, Any] = {
    "uuid": "01a1f9bd-135c-7e07-b274-b67df665d3e0",
    "date-time": "2026-11-20T12:00:00Z",
    "date": "2027-01-31",
    "integer": 1,
    "boolean": True,
    "object": METADATA_EXAMPLE,
}


def _tidy(schema: Schema, currency: Currency) -> None:
    """Make a schema of Pydantic exact, at every depth."""
    if schema.get("type") == "object":
        for item in schema.get("properties", {}).values():
            item.pop("title", None)
    for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        _tidy(inner, currency)
    if "items" in schema:
        _tidy(schema["items"], currency)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if lowest := schema.pop("x-amount", None):
        amounts.write_input(schema, lowest, currency)
    match schema.pop("x-text", None):
        case "line":
            _write_text(schema, _SPACES, _CONTROLS)
        case "lines":
            _write_text(schema, _LINE_SPACES, _CONTROLS_IN_LINES)
        case "name":
            _write_text(schema, _SPACES, _CONTROLS + _INVISIBLE)
        case "email" | "known-email":
            _write_form(schema, _EMAIL)
        case "url":
            _write_form(schema, _URL)
        case "metadata":
            del schema["type"]
            schema |= reference("Metadata")


def _write_form(schema: Schema, form: str) -> None:
    """Write the form of trimmed text without spaces, and its length, as a pattern."""
    most = schema.pop("maxLength")
    schema["pattern"] = f"^[{_SPACES}]*(?=[^{_SPACES}]{{1,{most}}}[{_SPACES}]*$){form}[{_SPACES}]*$"
    if "description" in schema:
        schema["description"] += f" Up to {most} characters after trimming."


#: Validators refuse patterns that repeat more often.
_LONGEST_PATTERN = 5000


def _write_text(schema: Schema, spaces: str, controls: str) -> None:
    """Write the length and form of trimmed text as a pattern of the untrimmed text."""
    least, longest = schema.pop("minLength", 0), schema.pop("maxLength", None)
    most = longest
    if longest is not None and longest > _LONGEST_PATTERN:
        # Here the limit counts before trimming.
        schema["maxLength"], most = longest, None
    core = schema.pop("pattern", None)
    if core is None:
        any_, edge = f"[^{controls}]", f"[^{spaces}{controls}]"
        rest = f"{any_}{{{max(least - 2, 0)},{'' if most is None else most - 2}}}{edge}"
        core = f"{edge}{rest}" if least > 1 else f"{edge}({rest})?"
        if least == 0:
            core = f"({core})?"
    schema["pattern"] = f"^[{spaces}]*{core}[{spaces}]*$"
    if longest is not None and "description" in schema:
        count = f"{least} to {longest}" if least else f"Up to {longest}"
        schema["description"] += f" {count} characters after trimming."


#: A schema for each level would be exact, but generators of clients drop what holds such a tree.
_METADATA: Schema = {
    "description": (
        "Free facts: text of at most 1000 characters, numbers up to 2^53, true, false and null, in"
        " at most five levels of objects and lists with at most 50 entries each."
    ),
    "type": "object",
    "additionalProperties": True,
    "maxProperties": 50,
    "propertyNames": {"maxLength": 100, "pattern": f"^[^{_CONTROLS}]*$"},
    "examples": [METADATA_EXAMPLE],
}


def _parts(results: Iterable[type]) -> tuple[list[type[Struct]], list[type[Enum]]]:
    """Every struct and enum that occurs in results."""
    found: dict[type, None] = {}
    waiting: list[Any] = list(results)
    while waiting:
        kind = waiting.pop()
        waiting.extend(get_args(kind))
        if isinstance(kind, type) and issubclass(kind, Struct | Enum) and kind not in found:
            found[kind] = None
            if issubclass(kind, Struct):
                waiting.extend(get_type_hints(kind).values())
    structures = [kind for kind in found if issubclass(kind, Struct)]
    return structures, [kind for kind in found if issubclass(kind, Enum)]


def _result_property(name: str, schema: Schema, kind: Any, currency: Currency | None) -> None:
    """Add formats and examples, which msgspec's own schema lacks."""
    text = next((item for item in schema.get("anyOf", ()) if item.get("type") == "string"), schema)
    if datetime in (kind, *get_args(kind)):
        text["format"] = "date-time"
    elif text.get("format") == "decimal":
        assert currency
        amounts.write_output(text, currency)
    elif name == "id" or (name.endswith("Id") and name != "requestId"):
        text["format"] = "uuid"
    elif name in ("details", "metadata"):
        schema["additionalProperties"] = True
    elif name == "data" and "anyOf" in schema:
        # The thing that an event is about, whatever its type.
        schema["anyOf"][0]["additionalProperties"] = True
