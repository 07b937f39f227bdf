"""Projects: what people plan, with a budget and a deadline."""

import re
from datetime import UTC, date
from typing import Annotated, Any, Literal

from msgspec import structs
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from persistence.database.transactions import Transaction
from persistence.projects import (
    DELETE_PROJECT,
    INSERT_PROJECT,
    LOCK_PROJECT,
    PROJECT,
    PROJECTS,
    UPDATE_PROJECT,
    Project,
    ProjectStatus,
)
from services.access.permissions import Permission
from services.amounts import Price
from services.done import Done
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.errors.projects import ProjectNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Lines, NameLine, PathId, Reference, wrong
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.operation.patches import ABSENT, Patch, changes

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: Every language and database can hold days before it.
_END = date(3000, 1, 1)


def _day(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        # `fromisoformat` also reads weeks, and days without hyphens.
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise wrong("INVALID_FORMAT", "Give a day such as 2027-01-31.") from None
    if day >= _END:
        raise wrong("TOO_LARGE", "Give a day before the year 3000.")
    return day


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Name = Annotated[NameLine, Field(min_length=1, max_length=200)]
Description = Annotated[Lines, Field(max_length=5000)]
ProjectSort = Literal["-createdAt", "createdAt", "deadline", "-deadline", "name", "-name"]


class ProjectId(Input):
    """The project."""

    id: PathId = Field(description="The project's id.")


class ListProjects(Paged):
    """Filters and sort of the list of projects."""

    status: ProjectStatus | None = Field(None, description="How far the project is.", strict=False)
    owner_id: Reference | None = Field(None, description="The user whose project it is.")
    sort: ProjectSort = Field(
        "-createdAt",
        description="How the list is sorted; a project without a deadline counts as the latest.",
    )


class CreateProject(Input):
    """A new project."""

    name: Name = Field(description="Name of the project.", examples=["New website"])
    description: Description = Field("", description="What the project is about.")
    status: ProjectStatus = Field(
        ProjectStatus.ACTIVE, description="How far the project is.", strict=False
    )
    budget: Price | None = Field(
        None, description="The money that it may cost; unlimited if absent.", examples=["2500.00"]
    )
    deadline: Day | None = Field(
        None, description="The day by which it is to be done, after today in UTC."
    )


class UpdateProject(Patch):
    """The changes to a project. Absent fields stay as they are."""

    id: PathId = Field(description="The project's id.")
    name: Name = Field(ABSENT, description="Name of the project.", examples=["New website"])
    description: Description | None = Field(
        None, description="What the project is about; null clears it."
    )
    status: ProjectStatus = Field(ABSENT, description="How far the project is.", strict=False)
    budget: Price | None = Field(
        None,
        description="The money that it may cost; null for no limit.",
        examples=["2500.00"],
    )
    deadline: Day | None = Field(
        None,
        description="The day by which it is to be done, after today in UTC; null clears it. The "
        "present deadline may be given again after that day.",
    )


@operation(
    "projects.list",
    who=Permission.PROJECTS_READ_OWN,
    input=ListProjects,
    result=Project,
    paged=True,
)
async def list_(ctx: Context, input: ListProjects) -> Page[Project]:
    """List the caller's own projects, newest first. Admins list everybody's."""
    filters = {"status": input.status, "ownerId": input.owner_id}
    return await paging.page(ctx, PROJECTS, input, input.sort, filters)


@operation(
    "projects.get",
    who=Permission.PROJECTS_READ_OWN,
    input=ProjectId,
    result=Project,
    errors=[ProjectNotFound],
)
async def get(ctx: Context, input: ProjectId) -> Project:
    """Read one project. Admins read everybody's."""
    project = await ctx.reader.one(PROJECT.by_ids, ids=[input.id], **ctx.viewer_values)
    if project is None:
        raise ProjectNotFound
    return project


@operation(
    "projects.create",
    who=Permission.PROJECTS_WRITE_OWN,
    input=CreateProject,
    result=Project,
    writes=True,
    emits=(types.PROJECT_CREATED,),
    key=Key.OPTIONAL,
)
async def create(ctx: Context, tx: Transaction, input: CreateProject) -> Project:
    """Create a project of the caller's."""
    project_id = ctx.new_id()
    ctx.record("project", project_id, *sorted(to_camel(name) for name in input.model_fields_set))
    _refuse_past_deadline(ctx, input.deadline)
    await tx.write(
        INSERT_PROJECT,
        id=project_id,
        owner_id=ctx.user_id,
        currency=ctx.settings.currency,
        name=input.name,
        description=input.description,
        status=input.status,
        budget=input.budget,
        deadline=input.deadline,
        created_at=ctx.now,
    )
    project = await _load_project(tx, project_id)
    emit(ctx, types.PROJECT_CREATED, project, audience.of_project(project))
    return project


@operation(
    "projects.update",
    who=Permission.PROJECTS_WRITE_OWN,
    input=UpdateProject,
    result=Project,
    errors=[ProjectNotFound],
    writes=True,
    emits=(types.PROJECT_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def update(ctx: Context, tx: Transaction, input: UpdateProject) -> Project:
    """Change a project of the caller's."""
    project = await _lock_project(ctx, tx, input.id)
    current = structs.asdict(project)
    changed = changes(input, current, empty={"description": ""})
    ctx.record("project", project.id, *sorted(to_camel(name) for name in changed))
    _refuse_past_deadline(ctx, changed.get("deadline"))
    if changed:
        new: dict[str, Any] = {
            f"new_{name}": value for name, value in {**current, **changed}.items()
        }
        await tx.write(UPDATE_PROJECT, **{**new, "id": project.id})
    stored = await _load_project(tx, project.id)
    if changed:
        emit(ctx, types.PROJECT_UPDATED, stored, audience.of_project(stored))
    return stored


@operation(
    "projects.delete",
    who=Permission.PROJECTS_WRITE_OWN,
    input=ProjectId,
    result=Done,
    errors=[ProjectNotFound],
    writes=True,
    emits=(types.PROJECT_DELETED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def delete(ctx: Context, tx: Transaction, input: ProjectId) -> Done:
    """Delete a project of the caller's for good."""
    project = await _lock_project(ctx, tx, input.id)
    await tx.write(DELETE_PROJECT, id=project.id)
    emit(ctx, types.PROJECT_DELETED, project, audience.of_project(project))
    return Done()


async def _lock_project(ctx: Context, tx: Transaction, project_id: str) -> Project:
    """Lock and load the caller's project.

    Raises `ProjectNotFound`, `Forbidden` for an admin who only sees it, or `PreconditionFailed`.
    """
    project = await tx.one(LOCK_PROJECT, id=project_id, **ctx.viewer_values)
    if project is None:
        raise ProjectNotFound
    ctx.refresh_now()
    ctx.record("project", project.id)
    ctx.require_ownership(project.owner_id)
    ctx.match(project)
    return project


async def _load_project(tx: Transaction, project_id: str) -> Project:
    [project] = await tx.all(PROJECT.stored, ids=[project_id])
    return project


def _refuse_past_deadline(ctx: Context, deadline: date | None) -> None:
    """Raise `ValidationFailed` unless the deadline is a later day than today."""
    today = ctx.now.astimezone(UTC).date()
    if deadline is not None and deadline <= today:
        late = FieldError("deadline", "TOO_SMALL", "Give a day after today, in UTC.")
        raise ValidationFailed(fields=[late])
