"""Views: a struct and its table agree by name, or the program does not start."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from msgspec import Struct
from sqlmodel import SQLModel

from persistence.categories import CategoryTable
from persistence.database.columns import Json, column, identifier, named, table_of
from persistence.database.rows import made, nested, unpacked
from persistence.database.views import view


class Colour(StrEnum):
    """A field's type that is no column's."""

    RED = "RED"


class Maker(Struct, frozen=True):
    """A struct inside another one."""

    name: str
    town: str | None


class LampTable(SQLModel, table=True):
    """A table of these tests alone."""

    metadata: ClassVar[sa.MetaData] = sa.MetaData()

    __tablename__ = named("lamps")

    id: str = identifier()
    colour: str | None = column(sa.Text)
    name: str = column(sa.Text)
    town: str | None = column(sa.Text)
    maker: dict[str, Any] | None = column(Json)


lamps = table_of(LampTable)


def test_a_field_that_is_no_column_must_be_given() -> None:
    class Lamp(Struct):
        id: str
        watts: int

    with pytest.raises(TypeError, match=r"Lamp\.watts is no column"):
        view(Lamp, LampTable, visible=sa.true())
    assert view(Lamp, LampTable, watts=sa.literal(5), visible=sa.true()).row("1", 5) == Lamp("1", 5)


def test_a_given_name_must_be_a_field() -> None:
    class Lamp(Struct):
        id: str

    with pytest.raises(TypeError, match="Lamp has no field watts"):
        view(Lamp, LampTable, watts=lamps.c.name, visible=sa.true())


def test_values_are_converted_by_the_types_of_their_fields() -> None:
    class Lamp(Struct):
        maker: Maker | None
        colour: Colour | None
        id: str

    lamp = view(Lamp, LampTable, visible=sa.true())
    assert list(lamp.columns) == ["maker", "colour", "id"]
    row = lamp.row({"name": "Ada", "town": None}, "RED", "1")
    assert row == Lamp(Maker("Ada", None), Colour.RED, "1")
    assert isinstance(row.colour, Colour)
    assert lamp.row(None, None, "1") == Lamp(None, None, "1")


def test_fields_are_made_of_others_by_name() -> None:
    class Lamp(Struct):
        label: str
        id: str
        maker: Maker
        colour: Colour

    lamp = view(
        Lamp,
        LampTable,
        label=made(lambda colour, id: f"{type(colour).__name__} {id}", "colour", "id"),
        maker=nested(Maker, lamps),
        visible=sa.true(),
    )
    values = {"id": "1", "colour": "RED", "name": "Ada", "town": "Bath"}
    row = lamp.row(*(values[str(column.key)] for column in lamp.selected))
    assert row == Lamp("Colour 1", "1", Maker("Ada", "Bath"), Colour.RED)


def test_a_json_column_gives_several_fields_and_is_read_once() -> None:
    class Lamp(Struct):
        id: str
        name: str
        town: str | None

    lamp = view(Lamp, LampTable, **unpacked(lamps.c.maker, Maker), visible=sa.true())
    assert [column.key for column in lamp.selected] == ["id", "maker"]
    assert lamp.row("1", {"name": "Ada", "town": "Bath"}) == Lamp("1", "Ada", "Bath")


def test_a_struct_of_columns_alone_is_made_without_a_function_of_ours() -> None:
    class Category(Struct):
        id: str
        created_at: datetime

    category = view(Category, CategoryTable, visible=sa.true())
    assert category.row is Category
    assert category.row("1", at := datetime.now(UTC)).created_at is at
