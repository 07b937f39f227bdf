"""Where the checkout is, and how a process loads its modules."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@contextmanager
def loading() -> Iterator[None]:
    """Load modules with the garbage collector off, since nearly everything they make stays.

    Collecting again and again takes an eighth of a start. May be nested.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
