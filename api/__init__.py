"""HTTP: the REST face, the GraphQL mount, the edge, the command line."""

import sys
from importlib import import_module
from typing import Any, cast


def _load_structlog_without_rich() -> None:
    """Load structlog as it is where rich is not installed.

    With rich it loads Pygments too, for tracebacks in colour, which Tandem never writes. They are
    a hundred modules, and 70 ms of every start.
    """
    modules = cast(dict[str, Any], sys.modules)
    rich = modules.get("rich")
    modules["rich"] = None  # the name of a module that cannot be imported
    try:
        import_module("structlog")
    finally:
        del modules["rich"]
        if rich is not None:
            modules["rich"] = rich


_load_structlog_without_rich()
