"""`tandem create-admin`: an admin made by whoever runs the machine, the first or another."""

import asyncio
import sys
from logging import WARNING
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.common import DATA, DataOption, Problem, out, place_of, read_settings, running_servers

if TYPE_CHECKING:
    from services.settings import Settings

#: What a person calls the fields that may be wrong.
_OPTIONS = {
    "email": "--email",
    "username": "--username",
    "fullName": "--name",
    "password": "The password",
}


def create_admin(
    email: Annotated[str, typer.Option(help="Address to sign in with.")],
    username: Annotated[str, typer.Option(help="Name shown to other people.")],
    name: Annotated[str, typer.Option(help="The person's full name.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")
    ] = False,
    data: DataOption = DATA,
) -> None:
    """Make an account for an admin; the password is asked for, never an argument."""
    settings = read_settings()
    raw = {
        "email": email,
        "username": username,
        "fullName": name,
        "role": "ADMIN",
        "password": _password(password_stdin),
    }
    with running_servers(settings, data) as settings:
        user = asyncio.run(_create(settings, raw))
    out.print(f"{user.username} is an admin and signs in as {user.email}.", soft_wrap=True)


def _password(from_stdin: bool) -> str:
    """The password; arguments are seen by everybody on a machine, and kept by shells."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Problem("There is no terminal to ask for the password: give --password-stdin.")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True)


async def _create(settings: "Settings", raw: dict[str, Any]) -> Any:
    import structlog

    from persistence.database.failures import NotMigrated
    from services.errors.common import TandemError
    from services.ids import new_id
    from services.operation.context import Request, new_process
    from services.users import managing as users_managing

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(WARNING))
    process = new_process(settings.model_copy(update={"pool_min": 1}))
    try:
        request = Request(process, id=f"cli-{new_id(process.clock())}", face="cli")
        return await users_managing.create.by_system(request, raw)
    except TandemError as error:
        place = place_of(settings.database_url)
        if isinstance(error.__cause__, NotMigrated):
            told = f"The database at {place} is not migrated: run `tandem migrate`."
        elif error.status >= 500:
            told = f"PostgreSQL at {place} cannot be used: check DATABASE_URL."
        else:
            told = _told(error)
        raise Problem(told) from None
    finally:
        await process.close()


def _told(error: Any) -> str:
    """A refusal in plain words."""
    wrong = [
        f"{_OPTIONS.get(item.field, item.field)} is not right: {item.message}"
        for item in error.fields
    ]
    return " ".join(wrong) or error.detail
