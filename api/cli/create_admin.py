"""`tandem create-admin`: make an admin account, the first or another, on the server's machine."""

import sys
from contextlib import suppress
from logging import WARNING
from pathlib import Path
from typing import Any

import structlog
import typer

from api.cli.servers import database_problem, read_settings, running_servers, with_process
from api.cli.terminal import Problem, out
from persistence.database.failures import DatabaseError
from services.errors.base import TandemError
from services.ids import new_id
from services.operation.context import Request
from services.process import Process
from services.settings.settings import Settings
from services.shop import OtherCurrency, keep_currency
from services.users import managing

#: The words for input fields in messages to a person.
_OPTIONS = {
    "email": "--email",
    "username": "--username",
    "fullName": "--name",
    "password": "The password",
}


def create_admin(
    data: Path, *, email: str, username: str, name: str, password_from_stdin: bool
) -> None:
    """Make the account; raises `Problem` when a field is wrong or the database is away."""
    settings = read_settings()
    raw = {
        "email": email,
        "username": username,
        "fullName": name,
        "role": "ADMIN",
        "password": _password(password_from_stdin),
    }
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(WARNING))
    with running_servers(settings, data) as settings:
        user = with_process(settings, lambda process: _create(process, settings, raw))
    out.print(f"{user.username} is an admin and signs in as {user.email}.", soft_wrap=True)


def _password(from_stdin: bool) -> str:
    """Ask for the password: arguments are visible to all users, and shells store them."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Problem("There is no terminal to ask for the password: give --password-stdin.")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True)


async def _create(process: Process, settings: Settings, raw: dict[str, Any]) -> Any:
    try:
        # Where the database cannot be used, the operation says so.
        with suppress(DatabaseError):
            await keep_currency(process.database, settings.currency)
        request = Request(process, id=f"cli-{new_id(process.clock())}", face="cli")
        return await managing.create.by_system(request, raw)
    except OtherCurrency as error:
        raise Problem(str(error)) from None
    except TandemError as error:
        raise Problem(database_problem(settings, error) or _refusal(error)) from None


def _refusal(error: TandemError) -> str:
    """A refusal in plain words."""
    wrong = [
        f"{_OPTIONS.get(item.field, item.field)} is not right: {item.message}"
        for item in error.fields
    ]
    return " ".join(wrong) or error.detail
