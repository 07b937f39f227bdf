"""The tables of events: the outbox, the log in partitions by day, and the log's head."""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from persistence.database.columns import (
    TextArray,
    Uuid,
    checked,
    column,
    instant,
    named,
    table_of,
)

EVENT_SEQUENCE = sa.Sequence("event_sequence", metadata=SQLModel.metadata)


class EventOutboxTable(SQLModel, table=True):
    """An event that waits for its position in the log.

    A transaction draws ``seq`` after it has locked the event's subject. So the events of one
    subject have the order in which they happened.
    """

    __tablename__ = named("event_outbox")

    seq: int = column(sa.BigInteger, "nextval('event_sequence')", primary_key=True)
    id: str = column(Uuid)
    type: str = column(sa.Text)
    at: datetime = instant(None)
    subject: str = column(Uuid)
    #: The subject as v2 writes it; null once its person has deleted their account.
    data: Any | None = column(sa.JSON, nullable=True)
    request_id: str = column(sa.Text)
    #: Who hears it; see services/events/audience.py.
    audience: str = column(sa.Text)
    is_public: bool = column(sa.Boolean)
    #: Whether those who hear it only because it is public get no data.
    is_withheld: bool = column(sa.Boolean)
    owner_id: str | None = column(Uuid, nullable=True)
    #: The person that the data is about.
    person_id: str | None = column(Uuid, nullable=True)
    #: The cache's tags that the transaction outdates.
    tags: list[str] = column(TextArray)


class EventTable(SQLModel, table=True):
    """An event with its position in the log; see `EventOutboxTable`.

    ``logged_at`` grows with the position, so a partition holds a range of positions.
    """

    __tablename__ = named("events")
    __table_args__ = (
        sa.Index("events_subject_position_idx", "subject", "position"),
        sa.Index("events_type_position_idx", "type", "position"),
        sa.Index("events_owner_id_position_idx", "owner_id", "position"),
        sa.Index("events_person_id_idx", "person_id", postgresql_where=sa.text("data IS NOT NULL")),
        {"postgresql_partition_by": "RANGE (logged_at)"},
    )

    position: int = Field(
        primary_key=True,
        sa_type=cast(Any, sa.BigInteger),
        sa_column_kwargs={"autoincrement": False},
    )
    logged_at: datetime = instant(None, primary_key=True)
    id: str = column(Uuid)
    type: str = column(sa.Text)
    at: datetime = instant(None)
    subject: str = column(Uuid)
    data: Any | None = column(sa.JSON, nullable=True)
    request_id: str = column(sa.Text)
    audience: str = column(sa.Text)
    is_public: bool = column(sa.Boolean)
    is_withheld: bool = column(sa.Boolean)
    owner_id: str | None = column(Uuid, nullable=True)
    person_id: str | None = column(Uuid, nullable=True)


class EventHeadTable(SQLModel, table=True):
    """The end of the log; there is one row."""

    __tablename__ = named("event_head")
    __table_args__ = (checked("id = 1", "one_row"),)

    id: int = Field(
        primary_key=True,
        sa_type=cast(Any, sa.SmallInteger),
        sa_column_kwargs={"autoincrement": False},
    )
    #: Another one after a restore: positions of the old log may mean other events in the new one.
    epoch: str = column(Uuid, "gen_random_uuid()")
    #: The position of the newest event; 0 before the first.
    position: int = column(sa.BigInteger, "0")
    #: The position of the newest event that was deleted because of its age.
    gone: int = column(sa.BigInteger, "0")
    logged_at: datetime = instant()


event_outbox = table_of(EventOutboxTable)
events = table_of(EventTable)
event_head = table_of(EventHeadTable)
