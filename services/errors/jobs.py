"""Errors of jobs."""

from services.errors.base import TandemError


class JobNotFound(TandemError):
    """No such job; one that succeeded is gone."""

    code, status = "JOB_NOT_FOUND", 404
    title = "There is no such job."
    hint = "Check the id; a job that succeeded is gone."


class JobStatusInvalid(TandemError):
    """The job runs, or does not stand where it must."""

    code, status = "JOB_STATUS_INVALID", 422
    title = "The job's status does not allow this."
    hint = "Only a failed job is tried again; one that runs cannot be discarded."
