"""README and docs say what is so: their commands run, their links lead somewhere."""

import asyncio
import json
import os
import re
import shlex
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from api.cli.__main__ import app as cli
from services.process import new_process
from services.settings.settings import Settings
from tests import commands
from tests.conftest import CHECKOUT, Addresses, settings_for
from tests.servers import Server, environment_of, serving
from tests.shop import PASSWORD, Shop
from tests.streams import SECONDS
from tests.worker.work import eventually

DOCUMENTS = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
#: Pages whose blocks have tests of their own.
ELSEWHERE = {"auth.md"}


def blocks(document: str, kind: str) -> list[str]:
    """The blocks of a document with this name, such as ``sh``."""
    text = (CHECKOUT / document).read_text()
    return re.findall(rf"^```{kind} *\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Place:
    """A served shop of one test's own, with a worker."""

    shop: Shop
    server: Server
    settings: Settings
    manager: str
    customer: str
    product: str

    def named(self, text: str) -> str:
        """A text of the docs with this shop's accounts in place of the demo's."""
        text = text.replace("manager@example.com", self.manager)
        text = text.replace("user@example.com", self.customer)
        return text.replace("tandem-demo-1", PASSWORD)

    async def run(self, script: str, **more: str) -> str:
        """Run a script of the docs, which ends at the first thing that goes wrong; its output."""
        port = self.server.url.rpartition(":")[2]
        environment = environment_of(self.settings, port=port, log=str(self.server.log), **more)
        done = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-euo", "pipefail", "-c", self.named(script)],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
async def place(
    fresh_database: str, addresses: Addresses, password_hash: str, tmp_path: Path
) -> AsyncIterator[Place]:
    """A shop like the demo's, small."""
    settings = settings_for(fresh_database, addresses.redis_url)
    process = new_process(settings)
    shop = Shop(process, password_hash)
    manager, customer = await shop.person("MANAGER"), await shop.person(balance="50.00")
    product = await shop.product("20.00", name="Reading lamp", stock=20)
    log = tmp_path / "tandem.log"
    with (
        serving(settings, log, TANDEM_PUBLIC_URL="http://shop.example") as server,
        commands.running(tmp_path / "worker.log", settings, "worker"),
    ):
        yield Place(shop, server, settings, manager.email, customer.email, product.id)
    await process.close()


async def test_the_readme_s_story_charges_the_wallet_once(place: Place) -> None:
    [_, story] = blocks("README.md", "sh")
    assert len([line for line in story.splitlines() if line]) <= 15
    said = await place.run(story)
    assert "idempotent-replayed: true" in said.lower()
    assert said.count('"PAID"') == 1
    assert json.loads(said.splitlines()[-1])["balance"] == "80.00"


@pytest.mark.parametrize(
    "document", [f"docs/{name}.md" for name in ("story", "faces", "reports", "events", "files")]
)
async def test_every_shell_step_runs(place: Place, document: str, tmp_path: Path) -> None:
    script = "\n".join(blocks(document, "sh")).replace("/tmp/", f"{tmp_path}/")
    # Addresses of answers begin with the shop's public one: curl finds the server behind it.
    server = place.server.url.removeprefix("http://")
    (tmp_path / ".curlrc").write_text(f'connect-to = "::{server}"')
    said = await place.run(script, CURL_HOME=str(tmp_path))
    assert '"errors"' not in said
    assert '"success":false' not in said
    if document == "docs/reports.md":
        assert said.count('{"end":{"rows":') == 2
    if document == "docs/files.md":
        assert said.count('"imageVariants":[{"size":"SMALL"') == 1
        assert said.count('"status":"RECEIVED"') == 1
    if document == "docs/story.md":
        assert said.splitlines()[-1].startswith("%PDF-1.")
        assert "idempotent-replayed: true" in said.lower()


async def test_every_step_of_the_story_runs_in_graphiql(place: Place) -> None:
    documents = blocks("docs/story.md", "graphql")
    ids = {"productId": place.product, "id": ""}
    token = ""
    async with httpx.AsyncClient(base_url=place.server.url, timeout=SECONDS) as client:

        async def ask(document: str, *allowed: str) -> Any:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            filled = re.sub(
                r'(\w+): "…"', lambda found: f'{found[1]}: "{ids[found[1]]}"', place.named(document)
            )
            answer = await client.post("/graphql", json={"query": filled}, headers=headers)
            errors = answer.json().get("errors", ())
            assert {error["extensions"]["code"] for error in errors} <= {*allowed}, answer.text
            return answer.json()["data"]

        seen: dict[str, Any] = {}
        for document in documents:
            data = await ask(document, "INVOICE_NOT_READY")
            seen |= data
            for name in ("register", "login"):
                token = data[name]["accessToken"] if name in data else token
            ids["id"] = data["createOrder"]["id"] if "createOrder" in data else ids["id"]

        async def written() -> Any:
            order = (await ask(documents[-1], "INVOICE_NOT_READY"))["order"]
            return order["invoice"] and order["invoice"]["pdfUrl"]

        address = httpx.URL(await eventually(written))
        assert (await client.get(address.raw_path.decode())).content.startswith(b"%PDF")
    assert seen["wallet"]["balance"] == "80.00"
    assert (seen["updateOrderStatus"]["status"], seen["refundOrder"]["amount"]) == (
        "SHIPPED",
        "1.00",
    )


def test_every_step_of_the_story_is_shown_on_both_faces() -> None:
    steps = (CHECKOUT / "docs/story.md").read_text().split("\n## ")[1:]
    assert [step.partition(".")[0] for step in steps] == [str(number + 1) for number in range(8)]
    for step in steps:
        assert "```sh\n" in step
        assert "```graphql\n" in step


@pytest.mark.thorough
@pytest.mark.parametrize("document", ["docs/operating.md", "docs/scaling.md"])
async def test_every_command_of_operators_runs(place: Place, document: str) -> None:
    said = await place.run("\n".join(blocks(document, "sh")))
    assert "✗" not in said
    if document == "docs/operating.md":
        assert '"code":"PRODUCT_NOT_FOUND"' in said  # the log line of the request id
        assert "tandem_pool_in_use" in said


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_is_a_kind_that_a_test_runs(document: Path) -> None:
    kinds = re.findall(r"^```(.+)$", document.read_text(), re.MULTILINE)
    run = {"sh", "sh example", "graphql", "mermaid"}
    if document.name in ELSEWHERE:
        run = {"sh", "sh rest", "sh graphql"}
    if document.name == "events.md":  # its clients run in test_docs_events.py
        run |= {"js", "python", "text"}
    assert set(kinds) <= run


def examples() -> list[str]:
    """Blocks that are shown and not run: each needs a place that no test has."""
    start = blocks("README.md", "sh")[0]
    return [start, *(block for path in DOCUMENTS for block in blocks(str(path), "sh example"))]


@pytest.mark.parametrize("example", examples(), ids=lambda text: text.splitlines()[0][:40])
def test_examples_are_shell_and_name_what_exists(example: str) -> None:
    checked = subprocess.run(["bash", "-n", "-c", example], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    known: Any = typer.main.get_command(cli)
    for script, rest in re.findall(r"\./scripts/(\w+)(.*)", example):
        assert os.access(CHECKOUT / "scripts" / script, os.X_OK)
        words = shlex.split(rest, comments=True)
        if script == "serve":
            words = ["serve", *words]
        elif script != "tandem":
            continue
        command = known.commands[words[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, rest


def test_the_readme_is_short_and_in_its_order() -> None:
    text = (CHECKOUT / "README.md").read_text()
    assert len(text.split()) <= 1_500
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        "What it does",
        "Start",
        "A story in fifteen lines",
        "Where to go",
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_or_a_heading_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"https?:", target):
            continue
        path, _, heading = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, target
