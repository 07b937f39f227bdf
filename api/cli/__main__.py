"""The `tandem` command: every command with its options, in one list.

Runs from the checkout as `python -m api.cli` or `./scripts/tandem`. Each command imports what it
runs when it runs, so `--help` loads no framework. A fault of the machine is one sentence on stderr
and exit code 1, never a traceback.
"""

import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.loading import CHECKOUT, loading
from api.cli.terminal import DATA, Problem, show_problem
from api.local.metrics_folder import metrics_folder

DataOption = Annotated[
    Path, typer.Option("--data", help="The embedded servers' folder.", show_default=".tandem")
]

app = typer.Typer(
    name="tandem", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
keys = typer.Typer(help="See and rotate the keys that sign access tokens.", no_args_is_help=True)
audit = typer.Typer(help="Export the audit log's head, and verify the log.", no_args_is_help=True)
events = typer.Typer(help="End cursors of the log of events after a restore.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
exports = typer.Typer(help="Write transactions or products into a file.", no_args_is_help=True)
app.add_typer(exports, name="export")
app.add_typer(events, name="events")


def _show_version(wanted: bool) -> None:
    if wanted:
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
        typer.echo(f"tandem {project['version']}")
        raise typer.Exit


@app.callback()
def tandem(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """An order-management backend: GraphQL and REST are one API with two faces."""


def _processes(given: str | int) -> int:
    """How many server processes: a number, or one for each core that this process may use."""
    if given == "auto":
        cores = getattr(os, "sched_getaffinity", None)
        return len(cores(0)) if cores else os.cpu_count() or 1
    number = int(given) if str(given).isdecimal() else 0
    if number < 1:
        raise typer.BadParameter("Give a number from 1, or auto.")
    return number


@app.command("serve")
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[
        int, typer.Option(parser=_processes, metavar="N|auto", help="Server processes.")
    ] = 1,
    data: DataOption = DATA,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Load no demo data.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the folder's data first.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Restart when code changes.")] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Run no jobs.")] = False,
) -> None:
    """Serve both faces and run jobs; with servers of its own unless their URLs are set."""
    if reload and workers > 1:
        raise Problem("--reload serves with one worker: leave --workers out.")
    with _metrics_folder(data):
        with loading():
            from api.cli.serve import Options
            from api.cli.serve import serve as run

        run(
            Options(
                host=host,
                port=port,
                workers=workers,
                data=data,
                demo=not no_demo,
                reset=reset,
                reload=reload,
                worker=not no_worker,
            )
        )


@contextmanager
def _metrics_folder(data: Path) -> Iterator[None]:
    """A folder that holds the counts of all processes, so that any of them can report the sum.

    prometheus_client reads the variable when it is imported, so it must be set before.
    """
    with metrics_folder(data) as folder:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(folder))
        yield


@app.command("worker")
def worker(
    data: DataOption = DATA,
    follow: Annotated[bool, typer.Option("--follow", hidden=True)] = False,
) -> None:
    """Run jobs alone, on a migrated database; SIGTERM and Ctrl-C let running jobs finish."""
    with loading():
        from api.cli.worker import run_worker

    run_worker(data, follow=follow)


@app.command("migrate")
def migrate(
    grant_to: Annotated[
        str | None,
        typer.Option(help="A role for Tandem to serve as, which cannot change what it logged."),
    ] = None,
    data: DataOption = DATA,
) -> None:
    """Bring the database to the newest schema, as the owner of its tables."""
    from api.cli.migrate import migrate as run

    run(data, grant_to)


@app.command("create-admin")
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
    from api.cli.create_admin import create_admin as run

    run(data, email=email, username=username, name=name, password_from_stdin=password_stdin)


@app.command("emails")
def emails(data: DataOption = DATA) -> None:
    """Name the accounts that have one email in different spellings; changes nothing."""
    from api.cli.emails import check_emails as run

    run(data)


@app.command("seed")
def seed(data: DataOption = DATA) -> None:
    """Load the demo data into an empty database."""
    from api.cli.seed import seed as run

    run(data)


@app.command("reindex")
def reindex(data: DataOption = DATA) -> None:
    """Make the words and sort keys that rows from before an update lack; may be repeated."""
    from api.cli.reindex import reindex_texts as run

    run(data)


@app.command("doctor")
def doctor(data: DataOption = DATA) -> None:
    """Say what Tandem finds here: versions, settings, PostgreSQL, Redis."""
    from api.cli.doctor import doctor as run

    raise typer.Exit(0 if run(data) else 1)


@keys.command("list")
def list_keys(data: DataOption = DATA) -> None:
    """List the keys, the oldest first, and what each of them does now."""
    from api.cli.keys import list_keys as run

    run(data)


@keys.command("rotate")
def rotate_keys(
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="End the old keys, and every access token, at once."),
    ] = False,
    data: DataOption = DATA,
) -> None:
    """Put a new signing key in the place of the old one, so that nobody is signed out."""
    from api.cli.keys import rotate_keys as run

    run(data, compromised=compromised)


FormatOption = Annotated[
    str, typer.Option("--format", help="JSON, NDJSON or CSV.", show_default="NDJSON")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", help="The file to write; - for stdout.")
]
BomOption = Annotated[
    bool, typer.Option("--bom", help="Begin a CSV file with a byte order mark, for Excel.")
]
AfterOption = Annotated[
    str | None, typer.Option("--after", help="Begin after the row with this id.")
]


@exports.command("transactions")
def export_transactions(
    start: Annotated[str | None, typer.Option("--from", help="From this time on.")] = None,
    to: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    kind: Annotated[str | None, typer.Option(help="DEPOSIT, PAYMENT or REFUND.")] = None,
    format: FormatOption = "NDJSON",
    bom: BomOption = False,
    after: AfterOption = None,
    output: OutputOption = None,
    data: DataOption = DATA,
) -> None:
    """Write the transactions of the ledger into a file, the oldest first."""
    from api.cli.export import export

    values = {"from": start, "to": to, "kind": kind}
    values |= {"format": format.upper(), "bom": bom, "afterId": after}
    export(data, "transactions", values, output)


@exports.command("products")
def export_products(
    category: Annotated[str | None, typer.Option(help="Slug of a category.")] = None,
    tag: Annotated[str | None, typer.Option(help="A tag of the products.")] = None,
    search: Annotated[str | None, typer.Option(help="Words to find.")] = None,
    format: FormatOption = "NDJSON",
    bom: BomOption = False,
    after: AfterOption = None,
    output: OutputOption = None,
    data: DataOption = DATA,
) -> None:
    """Write the products into a file, the oldest first, archived ones too."""
    from api.cli.export import export

    values = {"category": category, "tag": tag, "search": search}
    values |= {"format": format.upper(), "bom": bom, "afterId": after}
    export(data, "products", values, output)


@audit.command("head")
def show_audit_head(data: DataOption = DATA) -> None:
    """Print the head, as `verify --head` takes it: keep it where this database's admins cannot."""
    from api.cli.audit import show_head

    show_head(data)


@audit.command("verify")
def verify_audit_log(
    head: Annotated[str | None, typer.Option(help="A head that was exported.")] = None,
    data: DataOption = DATA,
) -> None:
    """Check the whole log; exit code 1 when something is wrong with it."""
    from api.cli.audit import verify_log

    verify_log(data, head)


@events.command("renew")
def renew_log(data: DataOption = DATA) -> None:
    """Refuse all cursors of events so far: run this once after restoring a backup."""
    from api.cli.events import renew_epoch

    renew_epoch(data)


def main() -> None:
    """Run the command; a `Problem` becomes its sentence and exit code 1."""
    try:
        app(prog_name="tandem")
    except Problem as problem:
        show_problem(problem)
        sys.exit(1)


if __name__ == "__main__":
    main()
