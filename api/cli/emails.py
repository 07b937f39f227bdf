"""`tandem emails`: name the accounts that have one email in different spellings.

They are from before emails were stored in one spelling. Nothing is changed: each account
is found by its own spelling, and only a person can tell which of them is wanted.
"""

from pathlib import Path

from api.cli.servers import read_settings, running_servers, with_database
from api.cli.terminal import Problem, out
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.users.statements import EMAILS_WITH_SPELLINGS
from services.emails import clashes
from services.settings.settings import Settings


def check_emails(data: Path) -> None:
    """Print the accounts; raises `Problem` when there are any."""
    with running_servers(read_settings(), data) as settings:
        found = print_clashes(settings)
    if found:
        raise Problem(f"{found:,} emails have more than one account: give all but one another one.")
    out.print("Every email has one account.")


def print_clashes(settings: Settings) -> int:
    """Print each email that has several accounts, and these; returns how many emails there are."""
    found = clashes(with_database(settings, _emails))
    for email, accounts in found.items():
        print(email)
        for user_id, spelling in accounts:
            print(f"  {user_id} {spelling}")
    return len(found)


async def _emails(database: Database) -> list[tuple[str, str]]:
    return await database.reader(QueryStats()).all(EMAILS_WITH_SPELLINGS)
