"""The explorer's samples of a call run as they are, in every language."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installing import set_up
from tests.pages.conftest import Open
from tests.pages.test_explorer import NODE, address, shown, signed_in
from tests.servers import CHECKOUT, Server
from tests.shop import Shop, good_call


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["products.list", "orders.get", "invoices.pdf", "orders.cancel"])
async def test_samples_run_as_they_are(
    open_page: Open, shop: Shop, pages_server: Server, tmp_path: Path, name: str
) -> None:
    caller = await shop.person(balance="100.00")
    values, _ = await good_call(shop, name, caller)
    look = await open_page("/health")
    await signed_in(look, caller)
    page = await shown(look, address(name, values))
    await asyncio.to_thread(set_up, "node")
    for language, run in _RUN.items():
        await page.click(f"#tab-{language}")
        for sample in await page.locator("#sample pre").all_inner_texts():
            await asyncio.to_thread(run, sample, tmp_path, caller.token)


@pytest.mark.thorough
async def test_samples_of_a_stream_tell_what_happens(
    open_page: Open, shop: Shop, pages_server: Server, tmp_path: Path
) -> None:
    caller = await shop.person()
    after = await shop.end_of_log()
    project = await shop.project(caller)
    look = await open_page("/health")
    await signed_in(look, caller)
    page = await shown(look, address("events.stream", {"after": after}))
    await asyncio.to_thread(set_up, "node")
    commands = {
        "curl": ["sh", "-c"],
        "fetch": [str(NODE), "--input-type=module", "--eval"],
        "Python": [sys.executable, "-uc"],
    }
    for language, command in commands.items():
        await page.click(f"#tab-{language}")
        for sample in await page.locator("#sample pre").all_inner_texts():
            await _heard([*command, sample], caller.token, project.id)
    await page.click("#tab-TypeScript")
    for sample in await page.locator("#sample pre").all_inner_texts():
        await asyncio.to_thread(_typescript, sample, tmp_path, caller.token)


async def _heard(command: list[str], token: str, text: str) -> None:
    """A command that goes on writes a text; it is ended then."""
    program = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "TANDEM_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert program.stdout is not None
    output = ""
    try:
        async with asyncio.timeout(60):
            while text not in output:
                piece = await program.stdout.read(4096)
                assert piece, output
                output += piece.decode()
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        await program.wait()


def _ran(command: list[str], token: str) -> str:
    """The output of a command that must go well."""
    environment = {**os.environ, "TANDEM_TOKEN": token}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output + done.stderr.decode()
    return output


def _curl(sample: str, folder: Path, token: str) -> None:
    answered = _ran(["sh", "-c", f"{sample} --silent --fail-with-body"], token)
    assert '"errors"' not in answered


def _fetch(sample: str, folder: Path, token: str) -> None:
    _ran([str(NODE), "--input-type=module", "--eval", sample], token)


def _typescript(sample: str, folder: Path, token: str) -> None:
    program = folder / "sample.ts"
    node_types = "declare const process: { env: Record<string, string | undefined> };"
    program.write_text(f"{node_types}\n{sample}\nexport {{}};\n")
    compiler = CHECKOUT / "tests/node/node_modules/typescript/bin/tsc"
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--ignoreConfig"]
    _ran([str(NODE), str(compiler), *options, str(program)], token)


def _python(sample: str, folder: Path, token: str) -> None:
    _ran([sys.executable, "-c", sample], token)


_RUN = {"curl": _curl, "fetch": _fetch, "TypeScript": _typescript, "Python": _python}
