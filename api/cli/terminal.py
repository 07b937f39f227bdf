"""Output of commands to a person, and the one way to report a problem."""

from rich.console import Console
from rich.markup import escape

from api.cli.loading import CHECKOUT

DATA = CHECKOUT / ".tandem"

out = Console(highlight=False)
err = Console(highlight=False, stderr=True)


#: For words to a person while stdout carries the log, whose every line is JSON off a terminal.
beside_log = out if out.is_terminal else err


class Problem(Exception):
    """A problem that a person must fix, in one sentence."""


def show_problem(problem: Problem) -> None:
    """Write a problem to stderr."""
    err.print(f"[red]tandem:[/] {escape(str(problem))}", soft_wrap=True)
