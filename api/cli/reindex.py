"""`tandem reindex`: make the words and sort keys that rows from before an update lack."""

from pathlib import Path

from rich.progress import Progress

from api.cli.servers import read_settings, running_servers, with_database
from api.cli.terminal import Problem, out
from persistence.database.pool import Database
from services.search.reindexing import outdated, reindex


def reindex_texts(data: Path) -> None:
    """Fill all rows with progress; raises `Problem` when some are left."""
    with running_servers(read_settings(), data) as settings:
        left = with_database(settings, _fill)
    if left:
        raise Problem(f"{counted(left)} were being changed: run ./scripts/tandem reindex again.")
    out.print("All rows have their words and sort keys.")


async def _fill(database: Database) -> dict[str, int]:
    waiting = await outdated(database)
    with Progress(console=out) as progress:
        task = progress.add_task("Reindexing", total=sum(waiting.values()))
        await reindex(database, lambda filled: progress.advance(task, filled), newer=True)
    return await outdated(database)


def counted(rows: dict[str, int]) -> str:
    """The numbers of rows in words: ``1,200 products, 3 users``."""
    return ", ".join(f"{count:,} {table}" for table, count in rows.items())
