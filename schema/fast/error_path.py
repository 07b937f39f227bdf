"""`ErrorPath`: makes the answer of a plan field by field, with the path of every error.

It runs where a compiled function met an error or an unexpected value. It answers what graphql-core
answers: the same errors, the same paths, the same nulls. Values already read are not read again.
"""

from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLUnionType,
)
from graphql.error import located_error
from graphql.pyutils import is_iterable

from schema.building.loaders import BatchLoader
from schema.building.types import STRUCTS, kind_of
from schema.fast.plan import Field, Selection
from schema.fast.reads import Reads

Path = tuple[str | int, ...]


class ErrorPath:
    """One answer being made, and its errors so far."""

    def __init__(self, reads: Reads, root: Field) -> None:
        self._reads = reads
        self._root = root
        self._errors: list[GraphQLError] = []
        #: Paths that became null by an error. Errors below them are not told.
        self._nulled: set[Path] = set()
        self._pending: list[tuple[Field, Any, Path, dict[str, Any]]] = []

    async def answer(self, parent: Any) -> tuple[Any, list[GraphQLError]]:
        """The document's data and errors. ``parent`` is that of the root fields."""
        [selection] = self._root.below.values()
        try:
            data = self._fields(selection, parent, ())
        except GraphQLError as error:
            self._fail(error, ())
            return None, self._errors
        while self._pending:
            level = [one for one in self._pending if not self._is_nulled(one[2])]
            self._pending = []
            await self._reads.read([(field, [by]) for field, by, _, _ in level])
            for field, by, path, holder in level:
                holder[field.key] = self._read(field, by, path)
        return data, self._errors

    def _read(self, field: Field, by: Any, path: Path) -> Any:
        try:
            return self._value(field.type, self._reads.value(field, by), field, path)
        except Exception as error:
            return self._handle(error, field, path, field.type)

    def _fields(self, selection: Selection, parent: Any, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for field in selection.fields:
            made[field.key] = self._field(field, parent, (*path, field.key), made)
        return made

    def _field(self, field: Field, parent: Any, path: Path, made: dict[str, Any]) -> Any:
        try:
            if field.loader is not None:
                self._reads.given(field)  # raises if arguments do not fit
                by = parent
                if isinstance(field.loader, BatchLoader):
                    by = getattr(parent, field.loader.key)
                if by is not None:
                    self._pending.append((field, by, path, made))
                return None
            if field.attribute is not None:
                value = getattr(parent, field.attribute)
            else:
                value = field.function(parent)
            return self._value(field.type, value, field, path)
        except Exception as error:
            return self._handle(error, field, path, field.type)

    def _handle(self, error: Exception, field: Field, path: Path, kind: GraphQLOutputType) -> None:
        """Null for a nullable field; for any other field, raise the error for its parent."""
        located = located_error(error, field.nodes, list(path))
        if isinstance(kind, GraphQLNonNull):
            raise located
        self._fail(located, path)

    def _fail(self, error: GraphQLError, path: Path) -> None:
        if not self._is_nulled(path):
            self._nulled.add(path)
            self._errors.append(error)

    def _is_nulled(self, path: Path) -> bool:
        return bool(self._nulled) and any(
            path[:length] in self._nulled for length in range(len(path) + 1)
        )

    def _value(self, kind: GraphQLOutputType, value: Any, field: Field, path: Path) -> Any:
        if isinstance(value, Exception):
            raise value
        if isinstance(kind, GraphQLNonNull):
            made = self._value(kind.of_type, value, field, path)
            if made is None:
                raise TypeError(f"Cannot return null for non-nullable field {path[-1]}.")
            return made
        if value is None:
            return None
        match kind:
            case GraphQLList():
                return self._list(kind.of_type, value, field, path)
            case GraphQLScalarType() | GraphQLEnumType():
                made = kind.coerce_output_value(value)
                if made is None:
                    raise TypeError(f"{kind.name} has no {value!r}.")
                return made
            case GraphQLInterfaceType() | GraphQLUnionType():
                return self._object(_type_of(kind, value, field), value, field, path)
            case _:
                return self._object(kind, value, field, path)

    def _list(self, kind: Any, values: Any, field: Field, path: Path) -> list[Any]:
        if not is_iterable(values):
            raise GraphQLError("Expected Iterable.")
        made: list[Any] = []
        for place, value in enumerate(values):
            here = (*path, place)
            try:
                made.append(self._value(kind, value, field, here))
            except Exception as error:
                made.append(self._handle(error, field, here, kind))
        return made

    def _object(self, kind: GraphQLObjectType, value: Any, field: Field, path: Path) -> Any:
        struct = STRUCTS.get(kind.name)
        if struct is not None and not issubclass(kind_of(type(value)), struct):
            raise GraphQLError(f"Expected value of type '{kind.name}'.", field.nodes)
        return self._fields(field.below[kind.name], value, path)


def _type_of(kind: Any, value: Any, field: Field) -> GraphQLObjectType:
    """The object type of an interface's or union's value."""
    for name, selection in field.below.items():
        if issubclass(kind_of(type(value)), STRUCTS[name]):
            return selection.type
    if isinstance(kind, GraphQLUnionType):
        raise TypeError(f"{kind.name} is no {type(value).__name__}.")
    raise GraphQLError(f"Abstract type '{kind.name}' must resolve to an Object type.", field.nodes)
