"""Output types: `mirror` makes a Strawberry type of a service's struct, `enum` one of an enum.

Names, types, nullability and descriptions come from the struct that REST encodes too, so the faces
cannot differ. The resolved values are the structs themselves.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
import strawberry

from schema.building.scalars import JSON, Date, DateTime, Money
from services.etags import entity_tag

Type = TypeVar("Type", bound=type)

_TYPES: dict[Any, Any] = {
    str: str,
    int: int,
    bool: bool,
    Decimal: Money,
    datetime: DateTime,
    date: Date,
    dict[str, Any]: JSON,
    dict[str, str]: JSON,
}
#: The struct of each GraphQL type, by their common name.
STRUCTS: dict[str, type[msgspec.Struct]] = {}


def kind_of(struct: Any) -> Any:
    """The struct that a projection's struct is a part of; any other struct itself."""
    return getattr(struct, "whole", struct)


def mirror(struct: type[msgspec.Struct]) -> Callable[[Type], Type]:
    """Make the class below the GraphQL type of a struct; its fields follow those of the struct."""

    def declare(cls: Type) -> Type:
        annotations: dict[str, Any] = {}
        for field in msgspec.structs.fields(struct):
            kind, description = _described(field.type)
            annotations[field.name] = _graphql_type(kind, field.name)
            setattr(cls, field.name, strawberry.field(description=description))
        if "version" in annotations:
            cls.etag = strawberry.field(_etag, description="Entity tag, for ifMatch.")
        cls.__annotations__ = annotations
        cls.is_type_of = classmethod(lambda _, value, __: isinstance(value, struct))
        description = (struct.__doc__ or "").strip()
        declared = strawberry.type(cls, name=struct.__name__, description=description)
        _TYPES[struct] = declared
        STRUCTS[struct.__name__] = struct
        return declared

    return declare


def _etag(self: Any) -> str:
    return entity_tag(self)


def enum(python: type[Enum], **descriptions: str) -> None:
    """Make the GraphQL type of an enum, with a description of each value."""
    values = {
        member.name: strawberry.enum_value(member.value, description=descriptions[member.name])
        for member in python
    }
    mirrored: Any = Enum(python.__name__, values)
    _TYPES[python] = strawberry.enum(mirrored, description=(python.__doc__ or "").strip())


def graphql_enum(name: str) -> Any:
    """The GraphQL enum of this name."""
    return next(kind for python, kind in _TYPES.items() if getattr(python, "__name__", "") == name)


def _described(annotation: Any) -> tuple[Any, str]:
    if get_origin(annotation) is not Annotated:
        raise TypeError(f"{annotation} has no description")
    kind, meta = get_args(annotation)
    return kind, meta.description


def _graphql_type(kind: Any, name: str) -> Any:
    if get_origin(kind) is list:
        return list[_graphql_type(get_args(kind)[0], name)]
    if isinstance(kind, UnionType):
        [inner] = (part for part in get_args(kind) if part is not type(None))
        return _graphql_type(inner, name) | None
    if kind is str and (name == "id" or name.endswith("_id")):
        return strawberry.ID
    return _TYPES[kind]
