"""Invoices: read on every door, numbered without gaps, immutable, and had by a signed link."""

import asyncio
import io
from urllib.parse import urlsplit

import asyncpg
import httpx
import pypdf
import pytest

from services.access.links import sign
from services.invoices.issuing import issue, issue_invoice, render_invoice
from services.jobs.queue import DoNotRetry, Job
from tests.faces import Door
from tests.shop import Clock, Person, Shop, unique

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "line2": None,
    "city": "London",
    "postalCode": "SW1Y 4JH",
    "country": "GB",
}


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="1000.00")


def job(**data: str) -> Job:
    return Job(unique(), unique("test-"), data)


async def url_of(faces: dict[str, Door], invoice_id: str, person: Person) -> str:
    """The signed address of a PDF, without its host."""
    url = (await faces["graphql"].call("invoices.pdf", {"id": invoice_id}, caller=person)).ok
    assert url.startswith("http://localhost:8000/api/v2/invoices/")
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


async def test_an_invoice_says_what_was_bought_and_paid(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("19.99")
    order = await shop.order(buyer, [(product.id, 3)], paid=True, shippingAddress=ADDRESS)
    invoice = await shop.invoice(buyer, order.id)
    found = (await door.call("invoices.get", {"id": invoice.id}, caller=buyer)).ok
    assert found["kind"] == "INVOICE"
    assert (found["orderId"], found["orderNumber"]) == (order.id, order.number)
    assert (found["correctsId"], found["correctsNumber"], found["refundId"]) == (None, None, None)
    assert found["seller"] == {
        "name": "Tandem demo shop",
        "address": ["1 Example Street", "10115 Berlin"],
        "taxNumber": None,
        "email": None,
    }
    assert found["buyer"] == {"name": "Ada Lovelace", "address": ADDRESS}
    [line] = found["lines"]
    assert (line["name"], line["quantity"]) == (product.name, 3)
    assert (line["unitPrice"], line["total"]) == ("19.99", "59.97")
    assert (found["subtotal"], found["discount"], found["total"]) == ("59.97", "0.00", "59.97")
    assert (found["tax"], found["taxRate"], found["currency"]) == ("9.58", "0.19", "EUR")


async def test_an_order_has_no_invoice_until_a_moment_after_its_payment(
    door: Door, shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    before = await door.call("orders.get", {"id": order.id}, caller=buyer)
    assert before.ok["invoiceId"] is None
    assert {"orderId": order.id} in [one["data"] for one in await shop.jobs("invoices.issue")]
    invoice = await shop.invoice(buyer, order.id)
    after = await door.call("orders.get", {"id": order.id}, caller=buyer)
    assert after.ok["invoiceId"] == invoice.id
    # It comes by itself: another representation, the same version.
    assert after.ok["version"] == before.ok["version"]
    assert after.etag != before.etag


async def test_an_order_that_was_not_paid_for_sure_gets_no_job(shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, cancelled=True)
    assert {"orderId": order.id} not in [one["data"] for one in await shop.jobs("invoices.issue")]
    async with shop.unchanged():
        with pytest.raises(DoNotRetry):
            await issue_invoice(shop.process, job(orderId=order.id))
        with pytest.raises(DoNotRetry):
            await render_invoice(shop.process, job(invoiceId=order.id))


async def test_graphql_goes_from_orders_to_invoices_and_back_in_a_statement_each(
    client: httpx.AsyncClient, shop: Shop, buyer: Person
) -> None:
    made = [await shop.invoice(buyer) for _ in range(3)]
    await shop.order(buyer)
    document = "{ orders { nodes { invoiceId invoice { id number pdfUrl order { number } } } } }"
    response = await client.post("/graphql", json={"query": document}, headers=buyer.headers)
    nodes = response.json()["data"]["orders"]["nodes"]
    assert nodes[0] == {"invoiceId": None, "invoice": None}
    assert [node["invoice"]["id"] for node in nodes[1:]] == [one.id for one in reversed(made)]
    assert all(node["invoice"]["pdfUrl"] for node in nodes[1:])
    assert nodes[1]["invoice"]["order"] == {"number": made[-1].order_number}
    told = int(response.headers["server-timing"].partition('desc="')[2].split()[0])
    assert told <= 5  # the session, orders, invoices, addresses, orders again


async def test_an_invoice_is_a_node_for_whoever_may_see_it(
    client: httpx.AsyncClient, shop: Shop, buyer: Person, manager: Person, other_user: Person
) -> None:
    invoice = await shop.invoice(buyer)
    document = f'{{ node(id: "{invoice.id}") {{ ... on Invoice {{ number total }} }} }}'
    seen = {"number": invoice.number, "total": str(invoice.total)}
    for person, expected in ((buyer, seen), (manager, seen), (other_user, None)):
        response = await client.post("/graphql", json={"query": document}, headers=person.headers)
        assert response.json()["data"]["node"] == expected


async def test_a_pdf_that_is_not_made_yet_is_told_so(door: Door, shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, paid=True)
    await issue_invoice(shop.process, job(orderId=order.id))
    order = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    async with shop.unchanged():
        outcome = await door.call("invoices.pdf", {"id": order["invoiceId"]}, caller=buyer)
    assert (outcome.code, outcome.status) == ("INVOICE_NOT_READY", 409)
    await render_invoice(shop.process, job(invoiceId=order["invoiceId"]))
    assert (await door.call("invoices.pdf", {"id": order["invoiceId"]}, caller=buyer)).ok


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_rest_sends_the_file_itself(
    client: httpx.AsyncClient, shop: Shop, buyer: Person, version: str
) -> None:
    invoice = await shop.invoice(buyer)
    path = f"/api/{version}/invoices/{invoice.id}/pdf"
    for accept in ("application/pdf", "*/*", "text/html, */*;q=0.8"):
        response = await client.get(path, headers={**buyer.headers, "Accept": accept})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/pdf"
    name = f'attachment; filename="{invoice.number}.pdf"'
    assert response.headers["content-disposition"] == name
    assert response.headers["cache-control"] == "private, no-cache"
    text = pypdf.PdfReader(io.BytesIO(response.content)).pages[0].extract_text()
    assert invoice.number in text
    assert "Ada Lovelace" in text
    head = await client.head(path, headers=buyer.headers)
    assert head.headers["content-length"] == str(len(response.content))
    bare = {**buyer.headers, "Accept": "application/octet-stream"}
    as_bytes = await client.get(path, headers=bare)
    assert as_bytes.headers["content-type"] == "application/octet-stream"
    assert as_bytes.content == response.content
    refused = await client.get(path, headers={**buyer.headers, "Accept": "application/json"})
    assert refused.status_code == 406


async def test_a_signed_address_needs_no_token_and_no_header(
    client: httpx.AsyncClient, faces: dict[str, Door], shop: Shop, buyer: Person
) -> None:
    invoice = await shop.invoice(buyer)
    url = await url_of(faces, invoice.id, buyer)
    response = await client.get(url)
    assert response.status_code == 200
    with_token = await client.get(url.partition("?")[0], headers=buyer.headers)
    assert response.content == with_token.content
    # It stands for itself, whatever comes with it.
    assert (await client.get(url, headers={"Authorization": "Bearer x"})).status_code == 200
    assert (await client.get(url.replace("/v2/", "/v1/"))).status_code == 200


async def test_a_signed_address_ends(
    client: httpx.AsyncClient, faces: dict[str, Door], shop: Shop, buyer: Person, clock: Clock
) -> None:
    url = await url_of(faces, (await shop.invoice(buyer)).id, buyer)
    clock.forward(minutes=9)
    assert (await client.get(url)).status_code == 200
    clock.forward(minutes=2)
    response = await client.get(url)
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_EXPIRED")


async def test_a_signed_address_that_is_none_of_ours_is_refused(
    client: httpx.AsyncClient, faces: dict[str, Door], shop: Shop, buyer: Person
) -> None:
    invoice, other = await shop.invoice(buyer), await shop.invoice(buyer)
    path, _, token = (await url_of(faces, invoice.id, buyer)).partition("?token=")
    ends, _, proof = token.partition(".")
    now = shop.process.clock()
    for address, forged in (
        (path.replace(invoice.id, other.id), token),
        (path, f"{int(ends) + 600}.{proof}"),
        (path, f"{ends}.{'A' * 43}"),
        (path, f"{ends}.{proof[:-1]}"),
        (path, f"{token}A"),
        (path, sign("another-secret-of-thirty-two-chars", f"invoice-pdf:{invoice.id}", now)),
        (path, sign(shop.process.settings.secret.get_secret_value(), invoice.id, now)),
        *((path, text) for text in ("", "x", "é", "9" * 5000, f"{ends}.", f".{proof}", "٣.a")),
    ):
        response = await client.get(address, params={"token": forged})
        assert (response.status_code, response.json()["code"]) == (401, "UNAUTHENTICATED"), forged
        assert response.headers["www-authenticate"]
    for more in (f"token={token}", "fields=id", "first=1"):
        assert (await client.get(f"{path}?token={token}&{more}")).status_code == 400
    # It opens the file and nothing else.
    assert (await client.get(path.removesuffix("/pdf"), params={"token": token})).status_code == 401


async def test_what_the_secret_before_this_one_signed_still_opens(
    client: httpx.AsyncClient, faces: dict[str, Door], shop: Shop, buyer: Person
) -> None:
    url = await url_of(faces, (await shop.invoice(buyer)).id, buyer)
    settings = shop.process.settings
    changed = {"secret": type(settings.secret)("n" * 32), "previous_secret": settings.secret}
    try:
        shop.process.settings = settings.model_copy(update=changed)
        assert (await client.get(url)).status_code == 200
        shop.process.settings = settings.model_copy(update={**changed, "previous_secret": None})
        assert (await client.get(url)).status_code == 401
    finally:
        shop.process.settings = settings


@pytest.mark.parametrize("table", ["invoices", "invoice_pdfs"])
@pytest.mark.parametrize(
    "change", ["DELETE FROM {}", "UPDATE {} SET {} = {}", "TRUNCATE {} CASCADE"]
)
async def test_what_was_written_is_not_changed(
    shop: Shop, buyer: Person, table: str, change: str
) -> None:
    await shop.invoice(buyer)
    key = "id" if table == "invoices" else "invoice_id"
    async with shop.unchanged():
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await shop.execute(change.format(table, key, key))


async def test_an_invoice_stays_as_it_was_whatever_changes(
    door: Door, shop: Shop, buyer: Person
) -> None:
    invoice = await shop.invoice(buyer)
    before = (await door.call("invoices.get", {"id": invoice.id}, caller=buyer)).ok
    await shop.execute("UPDATE users SET full_name = 'Another' WHERE id = $1", buyer.id)
    await shop.execute(
        "UPDATE products SET name = 'Another' WHERE id = $1", invoice.lines[0].product_id
    )
    settings = shop.process.settings
    try:
        shop.process.settings = settings.model_copy(update={"seller_name": "Another"})
        after = (await door.call("invoices.get", {"id": invoice.id}, caller=buyer)).ok
    finally:
        shop.process.settings = settings
    assert before == after


async def test_an_invoice_is_written_once_however_often_its_job_is_run(
    shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    found = await asyncio.gather(
        *(issue.by_system(job().request(shop.process), {"id": order.id}) for _ in range(10))
    )
    assert len({one.id for one in found}) == 1
    [payload] = [
        one for one in await shop.jobs("invoices.render") if one["data"]["invoiceId"] == found[0].id
    ]
    for _ in range(2):
        await render_invoice(shop.process, job(**payload["data"]))
    count = "SELECT count(*) FROM invoice_pdfs WHERE invoice_id = $1"
    assert await shop.value(count, found[0].id) == 1


async def test_writing_an_invoice_is_audited_without_an_actor(shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, paid=True)
    request = job().request(shop.process)
    invoice = await issue.by_system(request, {"id": order.id})
    [entry] = await shop.audits_of(request.id)
    assert (entry["action"], entry["outcome"]) == ("invoices.issue", "OK")
    assert (entry["actor_id"], entry["entity_id"]) == (None, invoice.id)
    assert entry["changed"] == ["number"]


async def test_an_order_placed_at_another_rate_names_none(
    door: Door, shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    settings = shop.process.settings
    try:
        shop.process.settings = settings.model_copy(update={"tax_rate": order.tax * 0})
        invoice = await shop.invoice(buyer, order.id)
    finally:
        shop.process.settings = settings
    found = (await door.call("invoices.get", {"id": invoice.id}, caller=buyer)).ok
    assert found["taxRate"] is None
    assert found["tax"] == str(order.tax)
