"""`tandem export` writes the files of the operations, and leaves no half of one behind."""

import asyncio
import csv
import io
import json
import os
from pathlib import Path
from uuid import uuid4

from services.settings.settings import Settings
from tests.commands import tandem
from tests.conftest import Addresses
from tests.shop import Person, Shop, unique


async def test_products_are_written_to_stdout_without_a_login(
    settings: Settings, shop: Shop
) -> None:
    tag = unique("tag")
    product = await shop.product(tags=[tag], is_active=False)
    status, said = await tandem(settings, "export", "products", "--tag", tag, "--output", "-")
    assert status == 0
    row, end = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert (row["id"], end["end"]["rows"]) == (product.id, 1)


async def test_transactions_are_written_to_a_file_with_progress(
    settings: Settings, shop: Shop, user: Person, tmp_path: Path
) -> None:
    start = shop.process.clock()
    deposit = await shop.deposit(user, "12.34")
    file = tmp_path / "rows.csv"
    words = ["--from", start.isoformat(), "--kind", "deposit".upper(), "--format", "csv"]
    status, said = await tandem(settings, "export", "transactions", *words, "--output", str(file))
    assert status == 0
    assert "Exporting" in said
    assert f"Wrote {file}." in said.replace("\n", "")
    rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
    [amount] = [row["amount"] for row in rows if row["depositId"] == deposit.id]
    assert amount == "12.34"
    assert os.listdir(tmp_path) == ["rows.csv"]


async def test_a_database_that_cannot_be_used_is_named(
    settings: Settings, addresses: Addresses, tmp_path: Path
) -> None:
    name = f"tandem_bare_{uuid4().hex[:12]}"
    async with addresses.administer() as server:
        await server.execute(f"CREATE DATABASE {name}")
    for url, sentence in (
        (addresses.database(name), "is not migrated: run `tandem migrate`."),
        ("postgresql://nobody@127.0.0.1:1/none", "PostgreSQL at 127.0.0.1:1/none cannot be used"),
    ):
        other = settings.model_copy(update={"database_url": url})
        words = ("export", "products", "--output", str(tmp_path / "rows"))
        status, said = await tandem(other, *words)
        assert status == 1
        assert sentence in " ".join(said.split())
    await addresses.drop(name)
    assert os.listdir(tmp_path) == []


async def test_a_pipe_is_written_and_stays_a_pipe(
    settings: Settings, shop: Shop, tmp_path: Path
) -> None:
    tag = unique("tag")
    await shop.product(tags=[tag])
    pipe = tmp_path / "rows"
    os.mkfifo(pipe)
    words = ("export", "products", "--tag", tag, "--output", str(pipe))
    (status, _), rows = await asyncio.gather(
        tandem(settings, *words), asyncio.to_thread(pipe.read_text)
    )
    assert (status, len(rows.splitlines())) == (0, 2)
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["rows"]


async def test_a_folder_is_no_file(settings: Settings, tmp_path: Path) -> None:
    status, said = await tandem(settings, "export", "products", "--output", str(tmp_path))
    assert status == 1
    assert "is a folder: name a file in it." in " ".join(said.split())


async def test_a_bad_value_is_a_sentence_and_leaves_no_file(
    settings: Settings, tmp_path: Path
) -> None:
    for words, sentence in (
        (["--from", "yesterday"], "from: Give a time such as 2026-01-31T12:00:00Z."),
        (["--format", "xlsx"], "format: Give one of 'JSON', 'NDJSON' or 'CSV'."),
        (["--after", "01890000-0000-7000-8000-000000000000"], "afterId: There is no such row."),
    ):
        file = str(tmp_path / "rows")
        status, said = await tandem(settings, "export", "transactions", *words, "--output", file)
        assert status == 1
        assert sentence in said
        assert "Traceback" not in said
    status, said = await tandem(
        settings, "export", "products", "--output", str(tmp_path / "none" / "rows")
    )
    assert status == 1
    assert "cannot be written" in said.replace("\n", " ")
    assert os.listdir(tmp_path) == []
