"""`serve --reload`: changed code is served, and a mistake in it is shown until it is mended."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import CHECKOUT, Addresses, settings_for
from tests.servers import environment_of
from tests.test_house import LAYERS
from tests.worker.work import eventually, free_port

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the code, which the test may break."""
    copy = tmp_path / "checkout"
    for layer in LAYERS:
        shutil.copytree(
            CHECKOUT / layer, copy / layer, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(CHECKOUT / "pyproject.toml", copy)
    return copy


@pytest.mark.thorough
async def test_a_mistake_in_the_code_is_answered_until_it_is_mended(
    checkout: Path, fresh_database: str, addresses: Addresses, tmp_path: Path
) -> None:
    environment = environment_of(settings_for(fresh_database, addresses.redis_url))
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--reload", "--no-demo", "--port", str(port)]
    code = checkout / "services" / "money.py"
    sound = code.read_text()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api.cli", *words),
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

            async def answers(status: int) -> httpx.Response | None:
                try:
                    answer = await client.get("/api/v2/products", headers=BROWSER)
                except httpx.TransportError:  # it met the end of a process
                    return None
                return answer if answer.status_code == status else None

            await eventually(lambda: answers(200))
            for mistake, words_of_it in (
                ("def broken(:\n", "SyntaxError"),
                ("raise RuntimeError('planted <mistake>')\n", "planted &lt;mistake&gt;"),
            ):
                code.write_text(sound + mistake)
                page = await eventually(lambda: answers(503))
                assert page.headers["content-type"] == "text/html; charset=utf-8"
                assert words_of_it in page.text
                assert "money.py" in page.text
                problem = await client.post("/graphql", json={"query": "{ __typename }"})
                assert (problem.status_code, problem.headers["retry-after"]) == (503, "1")
                assert "money.py" in problem.json()["detail"]
                code.write_text(sound)
                await eventually(lambda: answers(200))
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = log.read_text()
    assert "planted <mistake>" in said
    assert "child ended" not in said
    assert '"level":"error"' not in said
