"""`tandem worker`: run jobs in a process of their own."""

import asyncio
from contextlib import suppress
from pathlib import Path

from api.cli.servers import (
    folders_below,
    interrupt_on_signals,
    keep_database_currency,
    read_settings,
    running_servers,
    warn,
)
from api.cli.terminal import Problem
from api.worker import run
from persistence import revision
from persistence.database.failures import DRIVER_ERRORS
from services.settings.settings import Settings


def run_worker(data: Path, *, follow: bool) -> None:
    """Run jobs until a signal; with ``follow``, until the process that started it ends."""
    interrupt_on_signals()
    settings = read_settings()
    folders_below(data, settings)
    with suppress(KeyboardInterrupt), running_servers(settings, data):
        settings = read_settings()  # again: `folders_below` may have set where mail and files go
        if not follow:
            warn(settings)
            _refuse_unfit_database(settings)
        run(settings, follow=follow)


def _refuse_unfit_database(settings: Settings) -> None:
    """Raise `Problem` where there is no schema, or another currency.

    A database that is away may still come, and one of another revision may still be migrated.
    """
    try:
        here, newest = asyncio.run(revision.current(settings.database_url))
    except DRIVER_ERRORS:
        return
    if here is None:
        raise Problem("The database has none of Tandem's tables: run ./scripts/tandem migrate.")
    if here == newest:
        keep_database_currency(settings)
