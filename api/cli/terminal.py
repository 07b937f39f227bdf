"""Output of commands to a person, and the one way to report a problem."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from rich.console import Console
from rich.markup import escape

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = CHECKOUT / ".tandem"

out = Console(highlight=False)
err = Console(highlight=False, stderr=True)


class Problem(Exception):
    """A problem that a person must fix, in one sentence."""


def show_problem(problem: Problem) -> None:
    """Write a problem to stderr."""
    err.print(f"[red]tandem:[/] {escape(str(problem))}", soft_wrap=True)


@contextmanager
def loading() -> Iterator[None]:
    """Load modules with the garbage collector off, since nearly everything they make stays.

    Collecting again and again takes an eighth of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def place_of(url: str) -> str:
    """An address without its user and password."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"{server}{parts.path}"
