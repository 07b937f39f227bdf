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

from services.books.books import Figure, Unreadable, figures
from services.settings import Settings

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
            found = asyncio.run(figures(url))
    except Unreadable as error:
        print(f"books: {error}", file=sys.stderr)
        return 2
    print(report(found))
    return 1 if any(figure.wrong for figure in found) else 0


def report(found: Sequence[Figure]) -> str:
    """The figures in lines, aligned."""
    names = max(len(figure.name) for figure in found)
    counts = max(len(f"{figure.checked:,}") for figure in found)
    return "\n".join(_line(figure, names, counts) for figure in found)


def _line(figure: Figure, names: int, counts: int) -> str:
    line = f"{figure.name:<{names}}   {figure.checked:>{counts},} checked"
    if not figure.wrong:
        return f"✓ {line}"
    more = ", …" if figure.wrong > len(figure.ids) else ""
    return f"✗ {line}, {figure.wrong:,} wrong: {', '.join(figure.ids)}{more}"


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
