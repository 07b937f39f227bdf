"""Jobs, for admins."""

from typing import Any

import strawberry

from schema.connections import Connection
from schema.done import Done
from schema.fields import Info, field, write_options
from schema.node import Node
from schema.reads import read
from schema.views import enum, mirror
from services import jobs
from services.jobs import Job as JobView
from services.jobs import JobStatus

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
