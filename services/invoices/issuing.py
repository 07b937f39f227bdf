"""Jobs that issue invoices and credit notes, and that make their PDFs.

A transaction that writes an invoice locks the counter row of its kind and takes the next number.
So no number is skipped or used twice, even after a rollback or a crash. A transaction that needs
both counters locks that of invoices first.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field

from persistence.database.transactions import QueryStats, Transaction
from persistence.invoices.statements import (
    BUYER_NAME,
    COUNT,
    CREDIT_NOTE_OF_REFUND,
    CREDITED,
    HAS_PDF,
    INSERT_INVOICE,
    INVOICE_OF_ORDER,
    KEEP_PDF,
    LOCK_COUNTER,
    Counter,
)
from persistence.invoices.tables import InvoiceKind
from persistence.invoices.views import INVOICE, Buyer, Invoice, Seller, Snapshot
from persistence.orders.views import ORDER, Order, OrderLine
from persistence.refunds import REFUND, Refund
from services import money
from services.access.permissions import SYSTEM
from services.errors.common import Internal
from services.errors.orders import OrderNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.jobs.queue import DoNotRetry, Job, enqueue
from services.operation.context import Context
from services.operation.inputs import Input, PathId
from services.operation.operation import operation
from services.process import Process
from services.settings.settings import Settings

#: Prefix of the numbers of a kind. Each kind has its own series.
_PREFIX = {InvoiceKind.INVOICE: "", InvoiceKind.CREDIT_NOTE: "CN-"}
_EVENTS = {
    InvoiceKind.INVOICE: types.INVOICE_ISSUED,
    InvoiceKind.CREDIT_NOTE: types.CREDIT_NOTE_ISSUED,
}
#: One thread makes all PDFs, as each keeps a core busy, even when its job has timed out.
_RENDERER = ThreadPoolExecutor(1, "invoice-pdf")


class PaidOrderId(Input):
    """The paid order to issue an invoice for."""

    id: PathId = Field(description="The order's id.")


class RefundId(Input):
    """The refund to issue a credit note for."""

    id: PathId = Field(description="The refund's id.")


@operation(
    "invoices.issue",
    who=SYSTEM,
    input=PaidOrderId,
    result=Invoice,
    errors=[OrderNotFound],
    writes=True,
    emits=(types.INVOICE_ISSUED,),
)
async def issue(ctx: Context, tx: Transaction, input: PaidOrderId) -> Invoice:
    """Issue the invoice of a paid order, once; later calls return the same invoice."""
    invoice, _ = await _find_or_write_invoice(ctx, tx, input.id)
    return invoice


@operation(
    "invoices.credit",
    who=SYSTEM,
    input=RefundId,
    result=Invoice,
    errors=[OrderNotFound],
    writes=True,
    emits=(types.INVOICE_ISSUED, types.CREDIT_NOTE_ISSUED),
)
async def credit(ctx: Context, tx: Transaction, input: RefundId) -> Invoice:
    """Issue the credit note of a refund, once, after the invoice that it corrects."""
    refund = await tx.one(REFUND.stored, ids=[input.id])
    if refund is None:
        raise OrderNotFound
    invoice, order = await _find_or_write_invoice(ctx, tx, refund.order_id)
    counter = await _lock_counter(ctx, tx, InvoiceKind.CREDIT_NOTE)
    existing = await tx.one(CREDIT_NOTE_OF_REFUND, refund_id=refund.id)
    if existing is not None:
        return existing
    credited = await tx.one(CREDITED, invoice_id=invoice.id) or Decimal(0)
    snapshot = Snapshot(
        order_number=invoice.order_number,
        seller=_seller(ctx.settings),
        buyer=invoice.buyer,
        lines=_credited_lines(invoice, refund),
        subtotal=refund.amount,
        discount=money.currency(refund.currency).zero,
        total=refund.amount,
        # A difference of shares, so that the taxes of all credit notes sum to the invoice's tax.
        tax=_tax_share(invoice, credited + refund.amount) - _tax_share(invoice, credited),
        tax_rate=invoice.tax_rate,
        currency=refund.currency,
        paid_at=invoice.paid_at,
        corrects_number=invoice.number,
    )
    corrects = {"corrects_id": invoice.id, "refund_id": refund.id}
    kind = InvoiceKind.CREDIT_NOTE
    return await _write_document(ctx, tx, kind, counter, order, snapshot, **corrects)


async def issue_invoice(process: Process, job: Job) -> None:
    """Issue the invoice of the order ``orderId``; the job `invoices.issue`."""
    try:
        await issue.by_system(job.request(process), {"id": job.data["orderId"]})
    except OrderNotFound:
        raise DoNotRetry("there is no such paid order") from None


async def issue_credit_note(process: Process, job: Job) -> None:
    """Issue the credit note of the refund ``refundId``; the job `invoices.credit`."""
    try:
        await credit.by_system(job.request(process), {"id": job.data["refundId"]})
    except OrderNotFound:
        raise DoNotRetry("there is no such refund") from None


async def render_invoice(process: Process, job: Job) -> None:
    """Make the PDF of the invoice ``invoiceId``, once; the job `invoices.render`."""
    invoice_id = job.data["invoiceId"]
    reader = process.database.reader(QueryStats())
    if await reader.one(HAS_PDF, invoice_id=invoice_id) is not None:
        return
    invoice = await reader.one(INVOICE.stored, ids=[invoice_id])
    if invoice is None:
        raise DoNotRetry("there is no such invoice")
    loop, zone = asyncio.get_running_loop(), ZoneInfo(process.settings.time_zone)
    content = await loop.run_in_executor(_RENDERER, _rendered, invoice, zone)
    async with process.database.transaction(QueryStats()) as tx:
        await tx.all(KEEP_PDF, invoice_id=invoice_id, content=content, created_at=process.clock())


def _rendered(invoice: Invoice, zone: ZoneInfo) -> bytes:
    # The first PDF loads the library: it is 200 modules, and a third of a second of every start.
    from services.invoices.pdf import render

    return render(invoice, zone)


async def _find_or_write_invoice(
    ctx: Context, tx: Transaction, order_id: str
) -> tuple[Invoice, Order]:
    """Load the invoice of a paid order, or write it; answers both. Raises `OrderNotFound`."""
    order = await tx.one(ORDER.stored, ids=[order_id])
    if order is None or order.paid_at is None:
        raise OrderNotFound
    counter = await _lock_counter(ctx, tx, InvoiceKind.INVOICE)
    # This runs under the lock, because another worker may have just written the invoice.
    existing = await tx.one(INVOICE_OF_ORDER, order_id=order.id)
    if existing is not None:
        return existing, order
    name = await tx.one(BUYER_NAME, user_id=order.customer_id)
    snapshot = Snapshot(
        order_number=order.number,
        seller=_seller(ctx.settings),
        buyer=Buyer(name or "", order.shipping_address),
        lines=order.lines,
        subtotal=order.subtotal,
        discount=order.discount,
        total=order.total,
        tax=order.tax,
        tax_rate=_tax_rate(order, ctx.settings),
        currency=order.currency,
        paid_at=order.paid_at,
    )
    kind = InvoiceKind.INVOICE
    return await _write_document(ctx, tx, kind, counter, order, snapshot), order


def _credited_lines(invoice: Invoice, refund: Refund) -> list[OrderLine]:
    """The lines of a credit note: the refunded pieces with their refunded amounts."""
    bought = {line.product_id: line for line in invoice.lines}
    return [
        msgspec.structs.replace(bought[line.product_id], quantity=line.quantity, total=line.amount)
        for line in refund.lines
    ]


def _tax_share(invoice: Invoice, amount: Decimal) -> Decimal:
    """The tax in a part of an invoice's total, to the minor unit."""
    return money.currency(invoice.currency).rounded(invoice.tax * amount / invoice.total)


async def _lock_counter(ctx: Context, tx: Transaction, kind: InvoiceKind) -> Counter:
    """Lock and load the counter of a kind."""
    counter = await tx.one(LOCK_COUNTER, kind=kind)
    if counter is None:
        raise Internal
    ctx.refresh_now()
    return counter


async def _write_document(
    ctx: Context,
    tx: Transaction,
    kind: InvoiceKind,
    counter: Counter,
    order: Order,
    snapshot: Snapshot,
    corrects_id: str | None = None,
    refund_id: str | None = None,
) -> Invoice:
    """Write a document with the next number of its kind, and queue the job that makes its PDF."""
    # The clocks of workers differ a little, but a higher number must not have an earlier time.
    issued_at = max(ctx.now, counter.issued_at or ctx.now)
    # A changed time zone must not move numbers back into the previous year.
    year = max(counter.year, _year(issued_at, ctx.settings))
    sequence = counter.last + 1 if year == counter.year else 1
    await tx.all(COUNT, of_kind=kind, to_year=year, to_last=sequence, at_issued=issued_at)
    invoice_id = ctx.new_id()
    ctx.record("invoice", invoice_id, "number")
    await tx.all(
        INSERT_INVOICE,
        id=invoice_id,
        kind=kind,
        year=year,
        sequence=sequence,
        number=f"{_PREFIX[kind]}{year}-{sequence:06}",
        order_id=order.id,
        corrects_id=corrects_id,
        refund_id=refund_id,
        snapshot=msgspec.to_builtins(snapshot),
        issued_at=issued_at,
    )
    await enqueue(ctx, tx, "invoices.render", {"invoiceId": invoice_id})
    [invoice] = await tx.all(INVOICE.stored, ids=[invoice_id])
    emit(ctx, _EVENTS[kind], invoice, audience.of_invoice(order.customer_id))
    return invoice


def _year(at: datetime, settings: Settings) -> int:
    return at.astimezone(ZoneInfo(settings.time_zone)).year


def _seller(settings: Settings) -> Seller:
    return Seller(
        name=settings.seller_name,
        address=list(settings.seller_address),
        tax_number=settings.seller_tax_number,
        email=settings.seller_email,
    )


def _tax_rate(order: Order, settings: Settings) -> str | None:
    """The tax rate of the order; None when the shop's rate has changed since it was placed."""
    currency = money.currency(order.currency)
    same = money.tax_within(order.total, settings.tax_rate, currency) == order.tax
    return f"{settings.tax_rate.normalize():f}" if same else None
