"""REST routes of jobs."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services.jobs import managing as jobs

router = APIRouter(prefix="/admin/jobs", route_class=OperationRoute)


@router.get("", name="jobs.list", operation_id="jobs")
async def list_jobs(call: Call) -> Answer:
    return await jobs.list_(call.request, call.input)


@router.get("/{id}", name="jobs.get", operation_id="job")
async def get_job(call: Call) -> Answer:
    return await jobs.get(call.request, call.input)


@router.post("/{id}/retry", name="jobs.retry", operation_id="retryJob")
async def retry_job(call: Call) -> Answer:
    return await jobs.retry(call.request, call.input, key=call.key)


@router.delete("/{id}", name="jobs.discard", operation_id="discardJob", status_code=204)
async def discard_job(call: Call) -> Answer:
    await jobs.discard(call.request, call.input, key=call.key)
    return None
