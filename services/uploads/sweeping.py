"""Jobs that delete files: those that nothing shows any more, and uploads that nothing used."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from persistence.database.transactions import QueryStats
from persistence.uploads.statements import DELETE_UPLOADS, ENDED_UPLOADS
from services.files.store import IMAGES, UPLOADS
from services.jobs.queue import Job
from services.process import Process
from services.uploads.declaring import LIFE

#: Longer than a request may take that began before the upload ended.
_GRACE = timedelta(minutes=15)
_AT_ONCE = 100
#: More files than one upload ever has.
_MOST_FILES = 100
#: Files without an upload that one run looks for; they are those of deleted accounts.
_MOST_LOST = 1_000


async def delete_files(process: Process, job: Job) -> None:
    """Delete the files of some keys, and those whose keys begin with some prefixes."""
    keys = [*job.data["keys"]]
    for prefix in job.data["prefixes"]:
        keys += await process.files.keys(prefix, _MOST_FILES)
    await process.files.delete(keys)


async def sweep(process: Process, _: Job) -> None:
    """Delete uploads whose 24 hours are over, with their files, and files without an upload.

    Files go first: a run that is killed in between is repeated.
    """
    before = process.clock() - _GRACE
    while True:
        reader = process.database.reader(QueryStats())
        ended = await reader.all(ENDED_UPLOADS, before=before, limit=_AT_ONCE)
        keys = [UPLOADS + id for id, _ in ended]
        for id, used in ended:
            # The files of an upload that was used belong to what shows them.
            keys += [] if used else await process.files.keys(IMAGES + id, _MOST_FILES)
        await process.files.delete(keys)
        if ended:
            async with process.database.transaction(QueryStats()) as tx:
                await tx.all(DELETE_UPLOADS, ids=[id for id, _ in ended])
        if len(ended) < _AT_ONCE:
            break
    # The keys are in the order of their times, and ids of uploads hold the time.
    oldest = await process.files.keys(UPLOADS, _MOST_LOST)
    await process.files.delete([key for key in oldest if _made_at(key) < before - LIFE])
    await process.files.tidy()


def _made_at(key: str) -> datetime:
    """When the upload of a key was declared, by its UUIDv7."""
    return datetime.fromtimestamp((UUID(key.rpartition("/")[2]).int >> 80) / 1000, UTC)
