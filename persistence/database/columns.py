"""Column types and table helpers that every table shares."""

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlmodel import Field, SQLModel

# Services depend on the names of constraints: they tell unique violations apart by them.
SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
# Rows are read as structs: no table's model validates anything, so none makes its validator.
SQLModel.model_config["defer_build"] = True


class _TransactionNumber(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "xid8"


# Reflection, which compares migrations with tables, finds the type by this entry.
ischema_names["xid8"] = _TransactionNumber
Uuid = postgresql.UUID(as_uuid=False)
#: An exact amount, with the decimals that it was written with: those of its currency.
Money = sa.Numeric()
#: The most decimals of an amount. A type with a scale would show all of them on every amount.
MOST_DECIMALS = 3
Instant = sa.DateTime(timezone=True)
# Columns that lists sort by compare bytes, so that a page does not depend on the server's locale.
SortableText = sa.Text(collation="C")
Json = postgresql.JSONB()
#: A transaction's number. PostgreSQL gives each number once.
TransactionNumber = cast(Any, _TransactionNumber())
TextArray = postgresql.ARRAY(sa.Text())
UuidArray = postgresql.ARRAY(Uuid)
InstantArray = postgresql.ARRAY(Instant)


def table_of(model: type[SQLModel]) -> sa.Table:
    """The SQLAlchemy table behind a SQLModel class."""
    return cast(Any, model).__table__


def named(table: str) -> Any:
    """The ``__tablename__`` of a model, which SQLModel types as a declared attribute."""
    return table


def identifier(**kwargs: Any) -> Any:
    """A UUIDv7 primary key, made by the application."""
    return Field(primary_key=True, sa_type=cast(Any, Uuid), **kwargs)


def reference(target: str, **kwargs: Any) -> Any:
    """A foreign key to another table's id; indexed, unless ``index=False``."""
    kwargs.setdefault("index", True)
    return Field(sa_type=cast(Any, Uuid), foreign_key=target, **kwargs)


def column(kind: Any, default: str | None = None, name: str | None = None, **kwargs: Any) -> Any:
    """A column of an SQL type, with a server default given as SQL text."""
    options: dict[str, Any] = {}
    if default is not None:
        options["server_default"] = sa.text(default)
    if name is not None:
        options["name"] = name
    return Field(sa_type=kind, sa_column_kwargs=options, **kwargs)


def computed(kind: Any, expression: str) -> Any:
    """A column the database computes from its row and stores."""
    return Field(sa_type=kind, sa_column_args=[sa.Computed(expression, persisted=True)])


def currency() -> Any:
    """An ISO 4217 code beside an amount."""
    return column(sa.CHAR(3))


def instant(default: str | None = "now()", **kwargs: Any) -> Any:
    """A point in time with time zone."""
    return column(cast(Any, Instant), default, **kwargs)


def checked(rule: str, name: str) -> sa.CheckConstraint:
    """A CHECK constraint named ``<table>_<name>_check``."""
    return sa.CheckConstraint(rule, name=name)


def scaled(*columns: str) -> sa.CheckConstraint:
    """A CHECK constraint that limits the decimals of a table's amounts."""
    return checked(" AND ".join(f"scale({name}) <= {MOST_DECIMALS}" for name in columns), "scale")


def ended_index(name: str, column: str) -> sa.Index:
    """An index over the few rows whose column is not null, as most rows have not ended."""
    return sa.Index(name, column, postgresql_where=sa.text(f"{column} IS NOT NULL"))
