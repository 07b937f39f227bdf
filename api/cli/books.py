"""Checks the books of a Tandem database: `python -m api.cli.books`, or `./scripts/books`.

Prints a line for each check. The exit code is 0 when all hold, 1 when one does not, 2 when the
database cannot be read.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.books.running import CheckResult, Unreadable, run_checks
from services.settings.settings import Settings

_DATA = Path(__file__).resolve().parents[2] / ".tandem"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check and print; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="books", description="Check that a Tandem database's money, stock and orders agree."
    )
    parser.add_argument("--database-url", help="PostgreSQL to read (default: DATABASE_URL)")
    parser.add_argument(
        "--data",
        type=Path,
        default=_DATA,
        help="without either, the embedded servers' folder (default: .tandem)",
    )
    options = parser.parse_args(arguments)
    try:
        with _address(options.database_url, options.data) as url:
            results = asyncio.run(run_checks(url))
    except Unreadable as error:
        print(f"books: {error}", file=sys.stderr)
        return 2
    print(report(results))
    return 1 if any(result.wrong for result in results) else 0


def report(results: Sequence[CheckResult]) -> str:
    """The results, one a line, aligned."""
    names = max(len(result.name) for result in results)
    counts = max(len(f"{result.checked:,}") for result in results)
    return "\n".join(_line(result, names, counts) for result in results)


def _line(result: CheckResult, names: int, counts: int) -> str:
    line = f"{result.name:<{names}}   {result.checked:>{counts},} checked"
    if not result.wrong:
        return f"✓ {line}"
    more = ", …" if result.wrong > len(result.ids) else ""
    return f"✗ {line}, {result.wrong:,} wrong: {', '.join(result.ids)}{more}"


@contextmanager
def _address(given: str | None, data: Path) -> Iterator[str]:
    """The database to read: the given one, that of the settings, or the embedded one."""
    if given:
        yield given
        return
    try:
        settings = Settings()
    except ValueError:
        raise Unreadable("The settings are not valid: run tandem doctor.") from None
    if "database_url" in settings.model_fields_set:
        yield settings.database_url
        return
    if not (data / "postgres").is_dir():
        raise Unreadable(f"There is no database in {data}: set DATABASE_URL or --data.")
    try:
        from api.local import embedded_servers
    except ImportError:
        raise Unreadable("The embedded servers are not installed: set DATABASE_URL.") from None
    try:
        servers = embedded_servers.start(data, valkey=False)
    except embedded_servers.EmbeddedError as error:
        raise Unreadable(str(error)) from None
    try:
        yield servers.database_url
    finally:
        servers.stop()


if __name__ == "__main__":
    sys.exit(main())
