"""Jobs, for admins."""

from typing import Any

import strawberry

from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from services.jobs import managing as jobs
from services.jobs.managing import Job as JobView
from services.jobs.managing import JobStatus

enum(
    JobStatus,
    QUEUED="Waits for a worker, or for its time.",
    RUNNING="A worker has it.",
    FAILED="Will not be tried again by itself.",
)


@mirror(JobView)
class Job(Node):
    pass


@strawberry.type
class Query:
    list_jobs = read(jobs.list_, "jobs", Connection[Job])
    job = read(jobs.get, "job", Job)


@strawberry.type
class Mutation:
    @field(jobs.retry, "retryJob", Job)
    async def retry_job(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await jobs.retry(info.context.request, raw, **options)

    @field(jobs.discard, "discardJob", Done)
    async def discard_job(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await jobs.discard(info.context.request, raw, **options)
