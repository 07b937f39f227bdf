"""Arguments of an operation's field: made from its input model, given back to it as raw values.

Ids and the parameters of lists become arguments of their own. The fields of a REST body become one
``input`` object. Types follow the model's JSON schema, which OpenAPI shows too.
"""

from collections.abc import Mapping
from enum import Enum
from inspect import Parameter
from keyword import iskeyword
from typing import Annotated, Any

import strawberry

from schema.building.scalars import JSON, Date, DateTime, Money
from schema.building.types import graphql_enum
from services.operation.declaration import Key
from services.operation.inputs import Input
from services.operation.operation import Operation

_INPUTS: dict[str, Any] = {}
_TIMES: dict[str | None, Any] = {"date-time": DateTime, "date": Date}
_SCALARS = {"integer": int, "boolean": bool, "object": JSON}
#: Inputs without an argument: a GraphQL client asks for the total by selecting ``totalCount``.
_SELECTED = {"total"}


def sort_name(sort: str) -> str:
    """The GraphQL name of a REST sort: ``-createdAt`` is ``CREATED_AT_DESC``."""
    descending = sort.startswith("-")
    snake = "".join(f"_{c}" if c.isupper() else c for c in sort.removeprefix("-")).upper()
    if sort == "relevance":
        return snake
    return f"{snake}_DESC" if descending else f"{snake}_ASC"


def arguments(op: Operation[Any, Any]) -> list[Parameter]:
    """The field's arguments, by their wire names."""
    schema = op.input.model_json_schema(by_alias=True)
    found: list[Parameter] = []
    rest: dict[str, Any] = {}
    for name, shape in schema["properties"].items():
        if name in _SELECTED:
            continue
        if (op.writes or op.body) and name != "id":
            rest[name] = shape
        else:
            required = name in schema.get("required", [])
            kind = _type_of(op, schema, name, shape)
            found.append(_argument(name, kind, shape["description"], required))
    if rest:
        kind = _input_type(op, _input_name(op.input), {**schema, "properties": rest})
        required = "minProperties" in schema
        required |= any(name in rest for name in schema.get("required", []))
        found.append(_argument("input", kind, schema["description"], required))
    if op.key is not Key.NONE:
        text = "Makes a retry safe: one key gives one outcome. Or send the HTTP header."
        found.append(_argument("idempotencyKey", str, text, required=False))
    if op.conditional:
        text = (
            "The etag last read; the write is refused if it has changed since. Without it the last"
            " write wins."
        )
        found.append(_argument("ifMatch", str, text, required=False))
    return found


def raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the caller gave, by wire names. The fields of ``input`` stand beside."""
    given = {
        name.removesuffix("_"): plain_value(value)
        for name, value in values.items()
        if value is not strawberry.UNSET
    }
    given.update(given.pop("input", None) or {})
    return given


def plain_value(value: Any) -> Any:
    """A value without GraphQL's types: enums as text, inputs as dicts without absent fields."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {name: plain_value(item) for name, item in value.items()}
    definition = getattr(value, "__strawberry_definition__", None)
    if definition is None:
        return value
    given = {field.graphql_name: getattr(value, field.python_name) for field in definition.fields}
    return {name: plain_value(item) for name, item in given.items() if item is not strawberry.UNSET}


def _argument(name: str, kind: Any, description: str, required: bool) -> Parameter:
    described = strawberry.argument(name=name, description=description)
    return Parameter(
        f"{name}_" if iskeyword(name) else name,
        Parameter.KEYWORD_ONLY,
        default=Parameter.empty if required else strawberry.UNSET,
        annotation=Annotated[kind if required else kind | None, described],
    )


def _input_name(model: type[Input]) -> str:
    return f"{model.__name__.removeprefix('New')}Input"


def _input_type(op: Operation[Any, Any], name: str, schema: dict[str, Any]) -> Any:
    if name in _INPUTS:
        return _INPUTS[name]
    namespace: dict[str, Any] = {"__annotations__": {}}
    required = schema.get("required", [])
    # Python needs fields without a default first; GraphQL ignores the order.
    for field in sorted(schema["properties"], key=lambda field: field not in required):
        shape = schema["properties"][field]
        kind = _type_of(op, schema, field, shape)
        options: dict[str, Any] = {} if field in required else {"default": strawberry.UNSET}
        namespace["__annotations__"][field] = kind if field in required else kind | None
        namespace[field] = strawberry.field(name=field, description=shape["description"], **options)
    made = strawberry.input(type(name, (), namespace), name=name, description=schema["description"])
    _INPUTS[name] = made
    return made


def _type_of(op: Operation[Any, Any], schema: dict[str, Any], name: str, shape: Any) -> Any:
    options = [option for option in shape.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        return _type_of(op, schema, name, options[0])
    if "x-amount" in shape:
        return Money
    if "$ref" in shape:
        title = shape["$ref"].rpartition("/")[2]
        target = schema["$defs"][title]
        if "enum" in target:
            return graphql_enum(title)
        name = f"{title.removeprefix('New')}Input"
        return _input_type(op, name, {"$defs": schema["$defs"], **target})
    if name == "sort":
        return _sort_type(op, shape.get("enum") or [shape["const"]])
    if shape["type"] == "array":
        return list[_type_of(op, schema, name, shape["items"])]
    if shape["type"] == "string":
        if name == "id" or shape.get("format") == "uuid":
            return strawberry.ID
        return _TIMES.get(shape.get("format"), str)
    return _SCALARS[shape["type"]]


def _sort_type(op: Operation[Any, Any], choices: list[str]) -> Any:
    name = f"{op.result.__name__}Sort"
    if name not in _INPUTS:
        values = {
            sort_name(choice): strawberry.enum_value(choice, description=_sort_text(choice))
            for choice in choices
        }
        made: Any = Enum(name, values)
        _INPUTS[name] = strawberry.enum(made, description="Orders of a list.")
    return _INPUTS[name]


def _sort_text(choice: str) -> str:
    if choice == "relevance":
        return "Best match first."
    field = choice.removeprefix("-")
    if field == "createdAt":
        return "Newest first." if choice.startswith("-") else "Oldest first."
    return f"By {field}, highest first." if choice.startswith("-") else f"By {field}, lowest first."
