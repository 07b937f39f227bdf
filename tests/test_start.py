"""The modules that a start loads: counted and listed, not timed, so more work shows on any machine.

Each start runs in an interpreter of its own, which says what it loaded. A module that only some
requests need is loaded by the first of them.
"""

import os
import subprocess
import sys

import pytest

from services.settings.settings import Settings
from tests.commands import environment_of
from tests.conftest import CHECKOUT
from tests.shop import Person

#: Packages that a server does not need for its first request, and who needs them.
NOT_FOR_SERVING = {
    "aiosmtplib": "sending mail",
    "alembic": "migrating",
    "fontTools": "PDFs",
    "fpdf": "PDFs",
    "httpx": "tests",
    "mako": "migrating",
    "PIL": "PDFs",
    "pgqueuer": "the worker",
    "psutil": "the embedded servers",
    "pygments": "help",
    "rich": "the command line",
    "typer": "the command line",
}
SERVING = {
    "the application": "from api.app import create_app; create_app()",
    "a server process": "from api.cli.server_processes import worker_app; worker_app()",
}
#: Not counted: Python's own modules, which differ by version, and what measures coverage.
OTHERS = {*sys.stdlib_module_names, "coverage", "pytest_cov"}
#: The most modules, `OTHERS` left out. One module takes half a millisecond of a start, or more.
MOST_FOR_SERVING = 1_400
MOST_FOR_THE_WORKER = 870
MOST_FOR_HELP = 225

NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
}


def loaded(code: str, environment: dict[str, str]) -> set[str]:
    """The modules that a new interpreter has loaded after the code, `OTHERS` left out."""
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('\\n', *sys.modules, file=sys.stderr)"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    names = ran.stderr.splitlines()[-1].split()
    return {name for name in names if package(name) not in OTHERS}


def package(module: str) -> str:
    return module.partition(".")[0]


def packages(modules: set[str]) -> set[str]:
    return {package(module) for module in modules}


@pytest.mark.parametrize("start", SERVING)
def test_a_server_loads_only_what_its_first_requests_need(start: str) -> None:
    modules = loaded(SERVING[start], {**os.environ, **NOWHERE})
    assert packages(modules) & NOT_FOR_SERVING.keys() == set()
    assert len(modules) <= MOST_FOR_SERVING


def test_a_worker_loads_what_makes_pdfs_with_the_first_of_them() -> None:
    modules = loaded("import api.cli.worker", {**os.environ, **NOWHERE})
    assert "pgqueuer" in packages(modules)
    assert packages(modules) & {"fastapi", "strawberry", "alembic", "fpdf", "PIL"} == set()
    assert len(modules) <= MOST_FOR_THE_WORKER


def test_help_loads_no_framework() -> None:
    ask = "from api.cli.__main__ import app\ntry: app(['--help'])\nexcept SystemExit: pass"
    modules = loaded(ask, {**os.environ})
    frameworks = {"asyncpg", "fastapi", "pydantic", "redis", "sqlalchemy", "strawberry"}
    assert packages(modules) & frameworks == set()
    assert len(modules) <= MOST_FOR_HELP


def test_a_second_start_loads_nothing_to_migrate_or_to_print(
    settings: Settings, user: Person
) -> None:
    code = (
        "from api.cli.serve import _prepare\n"
        "from services.settings.settings import Settings\n"
        "loaded = _prepare(Settings(), demo=True, own_database=False)\n"
        "assert not loaded, 'the database was taken for an empty one'"
    )
    modules = loaded(code, environment_of(settings))
    assert packages(modules) & {"alembic", "fpdf", "PIL", "fastapi", "strawberry"} == set()


def test_no_statement_is_compiled_before_its_first_use() -> None:
    code = (
        "from sqlalchemy.sql.compiler import SQLCompiler\n"
        "made, init = [], SQLCompiler.__init__\n"
        "def count(self, *a, **k): made.append(self); init(self, *a, **k)\n"
        "SQLCompiler.__init__ = count\n"
        f"{SERVING['the application']}\n"
        "assert not made, f'{len(made)} statements'"
    )
    loaded(code, {**os.environ, **NOWHERE})
