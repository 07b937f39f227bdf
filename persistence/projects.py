"""Projects: what people plan, with a budget and a deadline."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    Money,
    SortableText,
    checked,
    column,
    currency,
    identifier,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.database.listing import Listing, Sort, ascending, descending
from persistence.database.statements import Query, given, insert, nothing
from persistence.database.views import sees_all, view, viewer


class ProjectStatus(StrEnum):
    """How far a project is."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    ARCHIVED = "ARCHIVED"


class ProjectTable(SQLModel, table=True):
    """Something that a user plans."""

    __tablename__ = named("projects")
    __table_args__ = (
        checked("char_length(name) BETWEEN 1 AND 200", "name"),
        checked("char_length(description) <= 5000", "description"),
        checked("status IN ('ACTIVE', 'COMPLETED', 'ARCHIVED')", "status"),
        checked("budget > 0 AND budget <= 999999999.99", "budget"),
        scaled("budget"),
        sa.Index("projects_owner_id_created_at_id_idx", "owner_id", "created_at", "id"),
        sa.Index("projects_owner_id_name_id_idx", "owner_id", "name", "id"),
        sa.Index(
            "projects_owner_id_status_created_at_id_idx", "owner_id", "status", "created_at", "id"
        ),
        sa.Index("projects_created_at_id_idx", "created_at", "id"),
        sa.Index("projects_name_id_idx", "name", "id"),
    )

    id: str = identifier()
    owner_id: str = reference("users.id", index=False)
    name: str = column(SortableText)
    description: str = column(sa.Text, "''")
    status: str = column(sa.Text, "'ACTIVE'")
    budget: Decimal | None = column(Money, nullable=True)
    currency: str = currency()
    deadline: date | None = column(sa.Date, nullable=True)
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()


class Project(Struct, frozen=True, rename="camel"):
    """Something that a user plans."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    owner_id: Annotated[str, Meta(description="The user whose project it is.")]
    name: Annotated[str, Meta(description="Name of the project.")]
    description: Annotated[str, Meta(description="What the project is about.")]
    status: Annotated[ProjectStatus, Meta(description="How far the project is.")]
    budget: Annotated[
        Decimal | None, Meta(description="The money that it may cost; null for no limit.")
    ]
    currency: Annotated[str, Meta(description="ISO 4217 code of the budget.")]
    deadline: Annotated[
        date | None, Meta(description="The day by which it is to be done; null for none.")
    ]
    version: Annotated[int, Meta(description="Counts the changes of this project.")]
    created_at: Annotated[datetime, Meta(description="When the project was made.")]
    updated_at: Annotated[datetime, Meta(description="When the project last changed.")]


projects = table_of(ProjectTable)
# A project without a deadline sorts after all that have one. asyncpg takes `date.max` for infinity.
NO_DEADLINE = date.max
_deadline = sa.func.coalesce(
    projects.c.deadline, sa.literal_column("'infinity'::date"), type_=sa.Date
)
sa.Index("projects_owner_id_deadline_id_idx", projects.c.owner_id, _deadline, projects.c.id)
sa.Index("projects_deadline_id_idx", _deadline, projects.c.id)

PROJECT = view(Project, ProjectTable, visible=sa.or_(projects.c.owner_id == viewer, sees_all))
_this = projects.c.id == given("id", projects.c.id)
LOCK_PROJECT = Query(
    PROJECT.select().where(_this, PROJECT.visible).with_for_update(key_share=True), PROJECT.row
)
#: The columns that an update may set.
CHANGING = ("name", "description", "status", "budget", "deadline")
INSERT_PROJECT = insert(projects, "id", "owner_id", "currency", *CHANGING, "created_at")
UPDATE_PROJECT = Query(
    sa.update(projects)
    .where(_this)
    .values(
        version=projects.c.version + 1,
        **{name: given(f"new_{name}", projects.c[name]) for name in CHANGING},
    ),
    nothing,
)
DELETE_PROJECT = Query(sa.delete(projects).where(_this), nothing)
DELETE_PROJECTS_OF = Query(
    sa.delete(projects).where(projects.c.owner_id == given("user_id", projects.c.owner_id)),
    nothing,
)


def _due(project: Project) -> date:
    return project.deadline or NO_DEADLINE


PROJECTS = Listing(
    PROJECT,
    always=PROJECT.visible,
    sorts={
        "-createdAt": descending(PROJECT, "created_at"),
        "createdAt": ascending(PROJECT, "created_at"),
        "deadline": Sort(_deadline, False, _due, date),
        "-deadline": Sort(_deadline, True, _due, date),
        "name": ascending(PROJECT, "name"),
        "-name": descending(PROJECT, "name"),
    },
    filters={
        "status": projects.c.status == given("status", projects.c.status),
        "ownerId": projects.c.owner_id == given("ownerId", projects.c.owner_id),
    },
)
