"""How a row of columns becomes a struct: each field by its name and its type.

A column's value is converted where its field's type asks for it: text becomes an enum, JSON becomes
structs. A field that no column holds is made in Python from other fields or from further columns.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlmodel import SQLModel

from persistence.database.columns import Json, Money, table_of

Row = TypeVar("Row")
Convert = Callable[[Any], Any]


class UnknownMemberUsed(Exception):
    """Something was to be decided by, or made of, an enum value that this release does not know."""


class UnknownMember:
    """An enum value that this release does not know: a newer release wrote it.

    A row carries it like any value, so that the rest of the row can be read. Comparing, hashing,
    iterating or encoding it raises an error, so that no rule is decided by it and no face shows it.
    """

    __slots__ = ("_kind", "_value")

    def __init__(self, kind: type[Enum], value: Any) -> None:
        self._kind = kind
        self._value = value

    def __repr__(self) -> str:
        return f"<{self._kind.__name__} {self._value!r}, which this release does not know>"

    def _refuse(self, *_: Any) -> Any:
        raise UnknownMemberUsed(repr(self))

    __eq__ = __hash__ = __iter__ = __contains__ = __str__ = _refuse


class Typed(NamedTuple):
    """A column that a field is made from, and the type that its value is converted to."""

    column: sa.ColumnElement[Any]
    kind: Any


class Made(NamedTuple):
    """A field that a function makes of other values of its row.

    ``sources`` are names of other fields, columns, or columns with a type.
    """

    make: Callable[..., Any]
    sources: tuple[str | sa.ColumnElement[Any] | Typed, ...]


def made(make: Callable[..., Any], *sources: str | sa.ColumnElement[Any] | Typed) -> Any:
    """A field that ``make`` computes from other fields, given by name, or from columns."""
    return Made(make, sources)


def nested(struct: type[Struct], table: sa.Table, **given: sa.ColumnElement[Any]) -> Any:
    """A field that holds a struct, whose fields are columns of a table unless they are given."""
    kinds = kinds_of(struct)
    return made(
        struct,
        *(
            Typed(given[name], kinds[name]) if name in given else table.c[name]
            for name in struct.__struct_fields__
        ),
    )


def unpacked(column: sa.ColumnElement[Any], struct: type[Struct]) -> dict[str, Any]:
    """The fields that a JSON column holds, by name; ``struct`` says which and of what types."""
    document = Typed(column, struct)
    return {name: made(attrgetter(name), document) for name in struct.__struct_fields__}


def kinds_of(struct: type[Any]) -> dict[str, Any]:
    """The type of each field of a struct, by name."""
    hints = get_type_hints(struct)
    return {name: hints[name] for name in struct.__struct_fields__}


class RowPlan(NamedTuple, Generic[Row]):
    """The columns to select for a struct, and the function that makes a row of their values.

    ``columns`` are those of the fields that are columns, by name; ``selected`` are all.
    """

    columns: Mapping[str, sa.ColumnElement[Any]]
    selected: tuple[sa.ColumnElement[Any], ...]
    row: Callable[..., Row]


def row_plan(struct: type[Row], table: type[SQLModel], /, **given: Any) -> RowPlan[Row]:
    """How a struct is read from a table, field by field.

    A field is the table's column of its name, unless it is ``given``: as a column, or as `made`,
    `nested` or `unpacked` of other fields and columns. Raises TypeError for a field that is
    neither, and for a given name that is no field.
    """
    columns = table_of(table).columns
    fields = kinds_of(struct)
    if unknown := sorted(given.keys() - fields.keys()):
        raise TypeError(f"{struct.__name__} has no field {', '.join(unknown)}.")
    if missing := [name for name in fields if name not in given and name not in columns]:
        raise TypeError(f"{struct.__name__}.{missing[0]} is no column and is not given.")
    by_name = {name: given[name] if name in given else columns[name] for name in fields}
    others = {name: each for name, each in by_name.items() if isinstance(each, Made)}
    plain = {name: each for name, each in by_name.items() if name not in others}
    return compiled(struct, plain, others)


def compiled(
    struct: type[Row],
    columns: Mapping[str, sa.ColumnElement[Any]],
    others: Mapping[str, Made] | None = None,
) -> RowPlan[Row]:
    """The plan of a struct whose fields are ``columns``, and ``others`` that are made.

    Without conversions and made fields, the struct itself makes a row.
    """
    kinds = kinds_of(struct)
    places = {name: place for place, name in enumerate(columns)}
    read = [Typed(column, kinds[name]) for name, column in columns.items()]
    makers = [
        _maker(make, [_place(source, read, places) for source in sources])
        for make, sources in (others or {}).values()
    ]
    names = [*columns, *(None for _ in read[len(columns) :])]
    selected = tuple(_named(each.column, name) for each, name in zip(read, names, strict=True))
    converters = [
        (place, convert)
        for place, (column, kind) in enumerate(read)
        if (convert := _converter(column, kind)) is not None
    ]
    if not converters and not makers:
        return RowPlan(columns, selected, struct)
    # Made fields stand behind the columns, until all are put in the order of the struct.
    places |= {name: len(selected) + place for place, name in enumerate(others or {})}
    order = [places[name] for name in kinds]
    return RowPlan(columns, selected, _builder(struct, converters, makers, order))


def _named(column: sa.ColumnElement[Any], name: str | None) -> sa.ColumnElement[Any]:
    """A column under a field's name, where that is not its own."""
    return column if name in (None, getattr(column, "key", None)) else column.label(name)


def _place(
    source: str | sa.ColumnElement[Any] | Typed, read: list[Typed], places: Mapping[str, int]
) -> int:
    """Where a made field's source stands among the values; a new column is added to them."""
    if isinstance(source, str):
        return places[source]
    typed = source if isinstance(source, Typed) else Typed(source, Any)
    for place, known in enumerate(read):
        if known is typed:
            return place
    read.append(typed)
    return len(read) - 1


def _maker(make: Callable[..., Any], places: Sequence[int]) -> Callable[[list[Any]], Any]:
    take = itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)

    def made_of(values: list[Any]) -> Any:
        taken = take(values)
        try:
            return make(*taken)
        except UnknownMemberUsed:
            # What is made of an unknown value is unknown too.
            return next(one for one in taken if isinstance(one, UnknownMember))

    return made_of


def _builder(
    struct: type[Any],
    converters: Sequence[tuple[int, Convert]],
    makers: Sequence[Callable[[list[Any]], Any]],
    order: Sequence[int],
) -> Callable[..., Any]:
    in_order = itemgetter(*order)

    def row(*columns: Any) -> Any:
        values = list(columns)
        for place, convert in converters:
            values[place] = convert(values[place])
        for make in makers:
            values.append(make(values))
        return struct(*in_order(values))

    return row


def _converter(column: sa.ColumnElement[Any], kind: Any) -> Convert | None:
    """How a column's value becomes a field's; None where it is the field's already."""
    bare = _without_none(kind)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return _Members(bare).__getitem__
    if type(column.type) is sa.JSON:
        return _unless_none(msgspec.json.Decoder(kind).decode)
    if column.type is Money and bare is str:
        return _unless_none(str)
    if column.type is Json and isinstance(bare, type) and issubclass(bare, Struct):
        return _unless_none(partial(msgspec.convert, type=bare))
    return None


class _Members(dict[Any, Any]):
    """An enum's members by their values. Looking one up is five times as fast as calling the enum.

    None stands for itself.
    """

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__({None: None, **{member.value: member for member in kind}})
        self._kind = kind

    def __missing__(self, value: Any) -> UnknownMember:
        return UnknownMember(self._kind, value)


def _unless_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _without_none(kind: Any) -> Any:
    """The type of an optional field's value; other types as they are."""
    if get_origin(kind) in (Union, type(int | None)):
        [bare, *more] = [one for one in get_args(kind) if one is not type(None)]
        return kind if more else bare
    return kind
