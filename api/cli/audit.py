"""`tandem audit`: export the audit log's head, and verify the log, against such a head or alone."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.common import DATA, DataOption, Problem, out, place_of, read_settings, running_servers

if TYPE_CHECKING:
    from services.audit.chain import AuditFinding
    from services.operation.context import Process
    from services.settings import Settings

audit = typer.Typer(help="Export the audit log's head, and verify the log.", no_args_is_help=True)


@audit.command("head")
def show_head(data: DataOption = DATA) -> None:
    """Print the head, as `verify --head` takes it: keep it where this database's admins cannot."""
    from persistence.audit.chain import HEAD
    from persistence.database.transactions import QueryStats

    with running_servers(read_settings(), data) as settings:
        head = _with_process(
            settings, lambda process: process.database.reader(QueryStats()).one(HEAD)
        )
    if head.hash is None:
        raise Problem("No entry is sealed yet: a worker does that.")
    print(f"{head.position}:{head.hash}")


@audit.command("verify")
def verify_log(
    head: Annotated[str | None, typer.Option(help="A head that was exported.")] = None,
    data: DataOption = DATA,
) -> None:
    """Look at all of the log; exit code 1 when something is wrong with it."""
    exported = None if head is None else _read_head(head)
    with running_servers(read_settings(), data) as settings:
        checked, problems = _with_process(settings, lambda process: _verify(process, exported))
    for problem in problems:
        print(problem.kind, problem.position or "-", problem.entry_id or "-")
    if problems:
        raise Problem(f"The audit log was tampered with: {len(problems):,} problems.")
    out.print(f"{checked:,} entries, nothing wrong.")


def _read_head(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"([1-9][0-9]{0,18}):([0-9a-f]{64})", text.strip())
    if found is None:
        raise Problem("A head looks like 42:9f86d0…, as `tandem audit head` prints it.")
    return int(found[1]), found[2]


async def _verify(
    process: "Process", head: tuple[int, str] | None
) -> tuple[int, list["AuditFinding"]]:
    """Every part of the log, one after the other: how many seals, and what is wrong."""
    from persistence.database.transactions import QueryStats
    from services.audit.chain import verify

    reader = process.database.reader(QueryStats())
    checked, problems, position = 0, [], 1
    while position is not None:
        found = await verify(
            reader, process.audit_keys, position, head, process.settings.audit_unproved
        )
        checked += found.checked
        problems += found.problems
        position, head = found.next_position, None
    return checked, problems


def _with_process(settings: "Settings", act: Callable[["Process"], Awaitable[Any]]) -> Any:
    """What ``act`` answers, with everything that operations need."""
    from persistence.database.failures import DatabaseError, NotMigrated
    from services.operation.context import new_process

    async def run() -> Any:
        process = new_process(settings.model_copy(update={"pool_min": 1}))
        try:
            return await act(process)
        finally:
            await process.close()

    place = place_of(settings.database_url)
    try:
        return asyncio.run(run())
    except NotMigrated:
        raise Problem(f"The database at {place} is not migrated: run `tandem migrate`.") from None
    except DatabaseError as error:
        raise Problem(f"PostgreSQL at {place} cannot be used ({type(error).__name__}).") from None
