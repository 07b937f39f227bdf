"""Errors of jobs."""

from services.errors.base import TandemError


class JobNotFound(TandemError):
    """The job does not exist; a job that succeeded is deleted."""

    code, status = "JOB_NOT_FOUND", 404
    title = "There is no such job."
    hint = "Check the id; a job that succeeded is deleted."


class JobStatusInvalid(TandemError):
    code, status = "JOB_STATUS_INVALID", 422
    title = "The job's status does not allow this."
    hint = "Retry only failed jobs, and discard only jobs that are not running."
