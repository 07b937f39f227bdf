"""Jobs, for admins."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, write
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from services.jobs import managing

enum(
    managing.JobStatus,
    QUEUED="Waits for a worker, or for its time.",
    RUNNING="A worker has it.",
    FAILED="Will not be tried again by itself.",
)


@mirror(managing.Job)
class Job(Node):
    pass


@strawberry.type
class Query:
    list_jobs = read(managing.list_, "jobs", Connection[Job])
    job = read(managing.get, "job", Job)


@strawberry.type
class Mutation:
    retry_job = write(managing.retry, "retryJob", Job)
    discard_job = write(managing.discard, "discardJob", Done)
