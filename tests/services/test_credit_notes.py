"""Credit notes: one for each refund, beside the invoice that it corrects."""

import asyncio
import io
from decimal import Decimal
from typing import Any

import httpx
import pypdf
import pytest

from services.invoices.issuing import credit, issue_credit_note, render_invoice
from services.jobs.queue import DoNotRetry, Job
from tests.faces import Door
from tests.shop import Person, Shop, unique


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="1000.00")


def job(**data: str) -> Job:
    return Job(unique(), unique("test-"), data)


async def credited(shop: Shop, refund_id: str) -> Any:
    """The credit note of a refund."""
    return await credit.by_system(job().request(shop.process), {"id": refund_id})


async def test_a_refund_of_pieces_has_a_credit_note_over_them(
    door: Door, shop: Shop, buyer: Person
) -> None:
    lamp, bulb = await shop.product("19.99"), await shop.product("5.00")
    order = await shop.order(buyer, [(lamp.id, 3), (bulb.id, 2)], paid=True)
    invoice = await shop.invoice(buyer, order.id)
    refund = await shop.refund(order.id, lines=[{"productId": lamp.id, "quantity": 2}])
    values = {"id": order.id}
    [before] = (await door.call("refunds.list", values, caller=buyer)).ok
    assert before["creditNoteId"] is None
    note = await credited(shop, refund.id)
    [after] = (await door.call("refunds.list", values, caller=buyer)).ok
    assert after["creditNoteId"] == note.id
    found = (await door.call("invoices.get", {"id": note.id}, caller=buyer)).ok
    assert found["kind"] == "CREDIT_NOTE"
    assert found["number"].startswith("CN-")
    assert (found["correctsId"], found["correctsNumber"]) == (invoice.id, invoice.number)
    assert (found["orderId"], found["refundId"]) == (order.id, refund.id)
    [line] = found["lines"]
    assert (line["name"], line["quantity"], line["total"]) == (lamp.name, 2, "39.98")
    assert (found["subtotal"], found["discount"], found["total"]) == ("39.98", "0.00", "39.98")
    assert (found["tax"], found["taxRate"]) == ("6.38", "0.19")
    assert found["buyer"] == {"name": "Ada Lovelace", "address": None}
    # The order's invoice stays the invoice.
    again = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    assert again["invoiceId"] == invoice.id


async def test_credit_notes_of_a_whole_payment_have_its_tax_to_the_cent(
    shop: Shop, buyer: Person
) -> None:
    product = await shop.product("3.33")
    order = await shop.order(buyer, [(product.id, 3)], paid=True)
    invoice = await shop.invoice(buyer, order.id)
    notes = []
    # A third of the tax of 1.60 is 0.53, three times over.
    for what in ({"amount": "3.33"}, {"amount": "3.33"}, {}):
        refund = await shop.refund(order.id, **what)
        notes.append(await credited(shop, refund.id))
    assert [note.lines for note in notes[:2]] == [[], []]
    assert sum((note.total for note in notes), Decimal(0)) == invoice.total
    assert sum((note.tax for note in notes), Decimal(0)) == invoice.tax
    assert all(0 <= note.tax <= note.total for note in notes)


async def test_cancelling_a_paid_order_has_a_credit_note_too(shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, paid=True, cancelled=True)
    refund_id = await shop.value("SELECT id FROM refunds WHERE order_id = $1", order.id)
    assert {"refundId": refund_id} in [one["data"] for one in await shop.jobs("invoices.credit")]
    assert (await credited(shop, refund_id)).total == order.total


async def test_a_credit_note_that_is_written_first_brings_its_invoice(
    shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    refund = await shop.refund(order.id, amount="5.00")
    note = await credited(shop, refund.id)
    invoice = await shop.invoice(buyer, order.id)
    assert note.corrects_id == invoice.id
    assert invoice.issued_at <= note.issued_at


async def test_a_credit_note_is_written_once_however_often_its_job_is_run(
    shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    refund = await shop.refund(order.id, amount="5.00")
    await asyncio.gather(
        *(issue_credit_note(shop.process, job(refundId=refund.id)) for _ in range(10))
    )
    rows = await shop.rows("SELECT kind FROM invoices WHERE order_id = $1", order.id)
    assert sorted(row["kind"] for row in rows) == ["CREDIT_NOTE", "INVOICE"]
    async with shop.unchanged():
        with pytest.raises(DoNotRetry):
            await issue_credit_note(shop.process, job(refundId=order.id))


async def test_a_credit_note_has_a_pdf_as_an_invoice_has(
    door: Door, shop: Shop, buyer: Person, other_user: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    invoice = await shop.invoice(buyer, order.id)
    note = await credited(shop, (await shop.refund(order.id, amount="5.00")).id)
    values = {"id": note.id}
    assert (await door.call("invoices.pdf", values, caller=buyer)).code == "INVOICE_NOT_READY"
    await render_invoice(shop.process, job(invoiceId=note.id))
    hidden = await door.call("invoices.pdf", values, caller=other_user)
    assert hidden.code == "INVOICE_NOT_FOUND"
    answer = (await door.call("invoices.pdf", values, caller=buyer)).ok
    if isinstance(answer, bytes):
        text = pypdf.PdfReader(io.BytesIO(answer)).pages[0].extract_text()
        assert f"Credit note {note.number}" in text
        assert f"Corrects invoice {invoice.number}" in text
        assert "Given back EUR 5.00" in text
        assert "Quantity" not in text


async def test_graphql_goes_from_refunds_to_credit_notes_and_on_to_invoices(
    client: httpx.AsyncClient, shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    invoice = await shop.invoice(buyer, order.id)
    note = await credited(shop, (await shop.refund(order.id, amount="5.00")).id)
    document = (
        f'{{ order(id: "{order.id}") {{ refunds {{ nodes '
        "{ creditNote { number corrects { number corrects { number } } } } } } }"
    )
    response = await client.post("/graphql", json={"query": document}, headers=buyer.headers)
    [found] = response.json()["data"]["order"]["refunds"]["nodes"]
    assert found["creditNote"] == {
        "number": note.number,
        "corrects": {"number": invoice.number, "corrects": None},
    }
