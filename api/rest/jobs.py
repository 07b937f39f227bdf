"""REST routes of jobs."""

from api.rest.calls import Answer, Call, route
from services.jobs import managing as jobs


@route("jobs", "GET", "/admin/jobs", jobs.list_)
async def list_jobs(call: Call) -> Answer:
    return await jobs.list_(call.request, call.input)


@route("job", "GET", "/admin/jobs/{id}", jobs.get)
async def get_job(call: Call) -> Answer:
    return await jobs.get(call.request, call.input)


@route("retryJob", "POST", "/admin/jobs/{id}/retry", jobs.retry)
async def retry_job(call: Call) -> Answer:
    return await jobs.retry(call.request, call.input, key=call.key)


@route("discardJob", "DELETE", "/admin/jobs/{id}", jobs.discard, status=204)
async def discard_job(call: Call) -> Answer:
    await jobs.discard(call.request, call.input, key=call.key)
    return None
