"""`tandem audit`: export the audit log's head, and verify the log, against such a head or alone."""

import re
from pathlib import Path

from api.cli.servers import read_settings, running_servers, with_process
from api.cli.terminal import Problem, out
from persistence.audit.chain import HEAD
from persistence.database.transactions import QueryStats
from services.audit.chain import AuditFinding, verify
from services.process import Process


def show_head(data: Path) -> None:
    """Print the head, as `verify --head` takes it."""
    with running_servers(read_settings(), data) as settings:
        head = with_process(
            settings, lambda process: process.database.reader(QueryStats()).one(HEAD)
        )
    if head is None or head.hash is None:
        raise Problem("No entry is sealed yet: a worker does that.")
    print(f"{head.position}:{head.hash}")


def verify_log(data: Path, head: str | None) -> None:
    """Check the whole log; raises `Problem` when something is wrong with it."""
    exported = None if head is None else _read_head(head)
    with running_servers(read_settings(), data) as settings:
        checked, problems = with_process(settings, lambda process: _verify(process, exported))
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


async def _verify(process: Process, head: tuple[int, str] | None) -> tuple[int, list[AuditFinding]]:
    """Verify the log part by part: the number of entries checked, and what is wrong."""
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
