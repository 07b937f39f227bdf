"""Files: their formats, the links to them, and who gets them."""

import asyncio
import csv
import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from msgspec import Meta, Struct

from services.exports.formats import CsvWriter, neutral, restored
from tests.faces import Door, GraphQL
from tests.shop import Clock, Person, Shop, unique

#: Cells that spreadsheets run.
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x"]
TEXTS = [*FORMULAS, "'=1", "''=1", "'", "'a", "a=1", "", " =1", 'say "hi"', "a,b", "a\r\nb", "é😀"]


class Cell(Struct, frozen=True, rename="camel"):
    """A row with a value of each type."""

    text_value: Annotated[str, Meta(description="")]
    maybe: Annotated[str | None, Meta(description="")] = None
    amount: Annotated[Decimal, Meta(description="")] = Decimal("-5.00")
    count: Annotated[int, Meta(description="")] = -3
    is_true: Annotated[bool, Meta(description="")] = False
    words: Annotated[list[str], Meta(description="")] = []


def written(*rows: Struct, bom: bool = False) -> bytes:
    writer = CsvWriter(type(rows[0]), bom=bom)
    return writer.begin() + writer.rows(rows) + writer.end()


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_with_a_formula(text: str) -> None:
    [row] = read(written(Cell(text)))
    assert row["textValue"] == "'" + text


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    [row] = read(written(Cell(text, text)))
    assert restored(row["textValue"]) == restored(row["maybe"]) == text


def test_two_texts_never_make_one_cell() -> None:
    assert len({neutral(text) for text in TEXTS}) == len(TEXTS)


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    [row] = read(written(Cell("a", words=["=1", "b"])))
    assert (row["amount"], row["count"], row["isTrue"], row["maybe"]) == (
        "-5.00",
        "-3",
        "false",
        "",
    )
    assert json.loads(row["words"]) == ["=1", "b"]


def test_lines_end_as_rfc_4180_says_and_a_mark_comes_first_when_asked_for() -> None:
    content = written(Cell("a\nb"), Cell("c"))
    assert content.count(b"\r\n") == 3
    assert content.startswith(b"textValue,maybe,")
    assert written(Cell("a"), bom=True) == b"\xef\xbb\xbf" + written(Cell("a"))


def test_a_column_s_name_is_no_formula_either() -> None:
    class Odd(Struct, rename={"value": "=cmd"}):
        value: Annotated[str, Meta(description="")]

    assert written(Odd("a")).startswith(b"'=cmd\r\n")


async def fetched(client: httpx.AsyncClient, url: str, **headers: str) -> httpx.Response:
    parts = urlsplit(url)
    return await client.get(f"{parts.path}?{parts.query}", headers=headers)


async def offered(client: httpx.AsyncClient, manager: Person, **values: Any) -> dict[str, Any]:
    outcome = await GraphQL(client).call("products.export", values, caller=manager)
    return outcome.ok


async def rest(client: httpx.AsyncClient, manager: Person, **values: Any) -> httpx.Response:
    return await client.get("/api/v2/admin/products/export", params=values, headers=manager.headers)


async def test_products_are_exported_with_the_filters_of_their_list(
    client: httpx.AsyncClient, shop: Shop, manager: Person
) -> None:
    tag = unique("tag")
    kept = [
        await shop.product("5.00", tags=[tag], name="=cmd()", metadata={"a": [1, "é"]}),
        await shop.product("6.00", tags=[tag], description='Two\nlines, and "quotes".'),
        await shop.product("7.00", tags=[tag], is_active=False),
    ]
    await shop.product("5.00")
    await shop.product("900.00", tags=[tag])
    asked = {"tag": tag, "maxPrice": "10"}
    lines = (await rest(client, manager, **asked)).text.splitlines()
    *rows, end = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == [product.id for product in kept]
    assert end["end"]["rows"] == 3
    listed = (
        await client.get(
            "/api/v2/products", params={**asked, "sort": "createdAt"}, headers=manager.headers
        )
    ).json()["items"]
    assert rows == listed
    table = read((await rest(client, manager, **asked, format="CSV")).content)
    assert [row["name"] for row in table][:1] == ["'=cmd()"]
    assert [restored(row["name"]) for row in table] == [row["name"] for row in rows]
    assert [restored(row["description"]) for row in table] == [row["description"] for row in rows]
    assert [json.loads(row["metadata"]) for row in table] == [row["metadata"] for row in rows]
    assert [row["price"] for row in table] == ["5.00", "6.00", "7.00"]
    found = await rest(client, manager, search=kept[0].name, tag=tag)
    assert found.headers["x-row-count"] == "1"


async def test_an_empty_file_is_whole_in_every_format(
    client: httpx.AsyncClient, manager: Person
) -> None:
    nothing = {"tag": unique("tag")}
    assert (await rest(client, manager, **nothing, format="JSON")).json() == {"data": []}
    [end] = (await rest(client, manager, **nothing)).text.splitlines()
    assert json.loads(end)["end"]["rows"] == 0
    table = await rest(client, manager, **nothing, format="CSV", bom="true")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.content.startswith(b"\xef\xbb\xbfid,name,")
    assert table.content.endswith(b"updatedAt\r\n")


async def test_v1_and_the_signed_link_give_the_same_file_as_v2(
    client: httpx.AsyncClient, shop: Shop, manager: Person
) -> None:
    tag = unique("tag ä&=")
    await shop.product(tags=[tag])
    values = {"tag": tag, "inStock": True, "format": "CSV", "bom": True, "maxPrice": "99.99"}
    export = await offered(client, manager, **values)
    linked = await fetched(client, export["url"])
    assert linked.status_code == 200
    sent = {**values, "inStock": "true", "bom": "true"}
    v2 = await rest(client, manager, **sent)
    v1 = await client.get("/api/v1/admin/products/export", params=sent, headers=manager.headers)
    assert linked.content == v2.content == v1.content
    assert len(read(linked.content)) == 1
    name = linked.headers["content-disposition"]
    assert name.partition("-")[0] == f'attachment; filename="{export["filename"]}'.partition("-")[0]


async def test_a_link_ends_and_serves_only_what_it_was_made_for(
    client: httpx.AsyncClient, shop: Shop, manager: Person, clock: Clock
) -> None:
    life = timedelta(seconds=shop.process.settings.export_link_seconds)
    before = clock().replace(microsecond=0)
    export = await offered(client, manager, tag="red")
    url, expires_at = export["url"], datetime.fromisoformat(export["expiresAt"])
    assert before + life <= expires_at <= clock() + life
    for changed in (
        url.replace("tag=red", "tag=blue"),
        url.replace("tag=red&", ""),
        url.replace("format=NDJSON", "format=CSV"),
        url.replace("products/export", "transactions/export").replace("tag=red&", ""),
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.replace("token=", "token=9"),
    ):
        refused = await fetched(client, changed)
        assert refused.status_code == 401, changed
        assert refused.json()["code"] == "UNAUTHENTICATED"
    twice = await fetched(client, url + "&tag=red")
    assert twice.json()["fields"] == [
        {"field": "tag", "code": "REPEATED", "message": "Give this parameter once."}
    ]
    assert (await fetched(client, url)).status_code == 200
    token = dict(parse_qsl(urlsplit(url).query))["token"]
    assert token.partition(".")[0] == str(int(expires_at.timestamp()))
    clock.forward(seconds=life.total_seconds())
    late = await fetched(client, url)
    assert (late.status_code, late.json()["code"]) == (401, "TOKEN_EXPIRED")


async def test_a_caller_without_the_role_gets_neither_file_nor_link(
    door: Door, shop: Shop, user: Person, moderator: Person
) -> None:
    async with shop.unchanged():
        for operation in ("products.export", "reports.exportTransactions"):
            for caller in (user, moderator):
                assert (await door.call(operation, {}, caller=caller)).code == "FORBIDDEN"
            assert (await door.call(operation, {})).code == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"format": "XLSX"}, {"format": "INVALID_CHOICE"}),
        ({"bom": True}, {"bom": "CONFLICT"}),
        ({"afterId": "nonsense"}, {"afterId": "INVALID_FORMAT"}),
        ({"afterId": "01890000-0000-7000-8000-000000000000"}, {"afterId": "NOT_FOUND"}),
        ({"minPrice": "5", "maxPrice": "4"}, {"maxPrice": "CONFLICT"}),
        ({"sort": "name"}, {"sort": "UNKNOWN_FIELD"}),
    ],
)
async def test_a_bad_export_is_refused_before_a_byte_is_sent(
    door: Door, manager: Person, values: dict[str, Any], fields: dict[str, str]
) -> None:
    outcome = await door.call("products.export", values, caller=manager)
    assert outcome.code == "VALIDATION_FAILED"
    assert outcome.failure.paths == fields


async def test_exports_beside_each_other_do_not_mix(
    client: httpx.AsyncClient, shop: Shop, manager: Person
) -> None:
    tags = [unique("tag") for _ in range(6)]
    made = {tag: (await shop.product(tags=[tag])).id for tag in tags}
    answers = await asyncio.gather(*(rest(client, manager, tag=tag) for tag in tags))
    for tag, answer in zip(tags, answers, strict=True):
        first, end = [json.loads(line) for line in answer.text.splitlines()]
        assert (first["id"], end["end"]["rows"]) == (made[tag], 1)


async def test_only_a_media_type_of_the_file_is_accepted(
    client: httpx.AsyncClient, manager: Person
) -> None:
    address = "/api/v2/admin/products/export"
    for accept, status in (
        ("text/csv", 200),
        ("application/x-ndjson", 200),
        ("application/octet-stream", 200),
        ("*/*", 200),
        ("text/*", 200),
        ("image/png", 406),
    ):
        headers = {**manager.headers, "accept": accept}
        assert (await client.get(address, headers=headers)).status_code == status, accept
