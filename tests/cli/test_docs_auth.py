"""docs/auth.md says what is so: its commands run, its tables are whole."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from persistence.mail_tokens import Purpose
from services.access.permissions import Permission
from services.catalogue import OPERATIONS
from services.errors.base import CATALOGUE
from services.errors.common import COMMON
from tests.conftest import CHECKOUT
from tests.servers import Server
from tests.shop import Shop

PAGE = (CHECKOUT / "docs" / "auth.md").read_text()
#: Every command of a block, whose first line says for which face it is.
BLOCKS = re.findall(r"^```sh *(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CALLS = {"rest": "send /", "graphql": "ask '"}
#: Notes how each call ends; what it answers goes where it went before.
_NOTED = """
curl() {
  : > "$answers/body"
  command curl -o "$answers/body" -w '%{http_code} ' "$@" >> "$answers/all"
  cat "$answers/body" >> "$answers/all"; echo >> "$answers/all"
  cat "$answers/body"
}
"""


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table[2:]]


def run(script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A script that ends at the first thing that goes wrong."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("face", CALLS)
async def test_every_command_works_on_either_face_alone(
    face: str, server: Server, shop: Shop, tmp_path: Path
) -> None:
    person = await shop.person(balance="10.00")
    [(_, tools), *_] = BLOCKS
    commands = [block for name, block in BLOCKS if name == face]
    script = (_NOTED + tools + "".join(commands)).replace(
        "http://localhost:${port:=8000}", server.url
    )
    script = script.replace("user@example.com", person.email)
    script = script.replace("tandem-demo-1", person.password)
    done = await asyncio.to_thread(
        run,
        script,
        answers=str(tmp_path),
        reset=await shop.mailed(person, Purpose.RESET_PASSWORD),
        verify=await shop.mailed(person, Purpose.VERIFY_EMAIL),
    )
    assert done.returncode == 0, done.stderr
    answers = (tmp_path / "all").read_text().splitlines()
    assert len(answers) == sum(block.count(CALLS[face]) for block in commands)
    for answer in answers:
        status, _, body = answer.partition(" ")
        assert status in ("200", "201", "204"), answer
        assert "errors" not in (json.loads(body) if body else {}), answer


def test_every_step_is_shown_on_both_faces() -> None:
    (_, *steps) = [name for name, _ in BLOCKS]
    assert steps[::2] == ["rest"] * (len(steps) // 2)
    assert steps[1::2] == ["graphql"] * (len(steps) // 2)


def test_every_error_of_these_operations_is_explained() -> None:
    told = {code: int(status) for code, status, _ in rows("What to do on an error")}
    assert told == {code: CATALOGUE[code].status for code in told}
    nouns = ("auth", "sessions", "apiKeys", "users")
    own = {error for one in OPERATIONS if one.noun in nouns for error in one.errors} - COMMON
    assert {error.code for error in own if not error.code.startswith("IDEMPOTENCY")} <= set(told)


def test_the_table_of_permissions_is_whole() -> None:
    assert rows("Permissions") == [
        [str(one), one.least.value, "yes" if one.grantable else "no"] for one in Permission
    ]
