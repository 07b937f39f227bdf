"""A trial of the store of files, for somebody who sets it up."""

from datetime import datetime

from services.errors.common import Unavailable
from services.files.store import UPLOADS, FileStore
from services.ids import new_id


async def try_out(store: FileStore, now: datetime) -> None:
    """Write, read and delete a file that nobody can ask for.

    Raises `Unavailable`, whose cause is the reason. The sweep deletes the file of a trial that was
    killed.
    """
    key, content = UPLOADS + new_id(now), b"A trial of the store."
    await store.write(key, content)
    try:
        if await store.read(key) != content:
            raise Unavailable("It gave back another file than it took.")
    finally:
        await store.delete([key])
    if await store.has(key):
        raise Unavailable("It kept a file that was deleted.")
