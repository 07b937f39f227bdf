"""Reads of invoices and credit notes, and of their PDFs."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct
from pydantic import Field

from persistence.invoices.statements import PDF, VISIBLE_PDFS
from persistence.invoices.tables import InvoiceKind as InvoiceKind
from persistence.invoices.views import INVOICE, Invoice
from persistence.invoices.views import Buyer as Buyer
from persistence.invoices.views import Seller as Seller
from services.access import links
from services.access.permissions import Permission
from services.errors.base import TandemError
from services.errors.invoices import InvoiceNotFound, InvoiceNotReady
from services.ids import NOWHERE, parsed
from services.operation.context import Context, Request, viewer_values_for_relation
from services.operation.inputs import Input, Nothing, PathId, checked
from services.operation.operation import operation
from services.quota.charging import charge


class InvoiceId(Input):
    """The invoice."""

    id: PathId = Field(description="The invoice's id.")


class InvoiceLink(InvoiceId):
    """An invoice, and the token of the signed URL of its PDF."""

    token: str = Field(description="The token in the signed URL.")


class InvoicePdf(Struct, frozen=True, rename="camel"):
    """The URL of the PDF of an invoice."""

    id: Annotated[str, Meta(description="Id of the invoice.")]
    url: Annotated[
        str, Meta(description="URL of the PDF. It works for some minutes without an access token.")
    ]


class PdfFile(Struct, frozen=True):
    """The PDF of an invoice."""

    name: Annotated[str, Meta(description="Name of the file.")]
    content: Annotated[bytes, Meta(description="Content of the file.")]


@operation(
    "invoices.get",
    who=Permission.INVOICES_READ_OWN,
    input=InvoiceId,
    result=Invoice,
    errors=[InvoiceNotFound],
)
async def get(ctx: Context, input: InvoiceId) -> Invoice:
    """Read one invoice or credit note."""
    invoice = await ctx.reader.one(INVOICE.by_ids, ids=[input.id], **ctx.viewer_values)
    if invoice is None:
        raise InvoiceNotFound
    return invoice


@operation(
    "invoices.pdf",
    who=Permission.INVOICES_READ_OWN,
    input=Nothing,
    result=InvoicePdf,
    errors=[InvoiceNotFound, InvoiceNotReady],
)
async def pdf(
    ctx: Context, invoice_ids: Sequence[str], input: Nothing
) -> Mapping[str, InvoicePdf | TandemError]:
    """Get the PDF of an invoice: REST sends the file, GraphQL its URL.

    The URL works for some minutes without an access token.
    """
    parsed_ids = {id: parsed(id) or NOWHERE for id in invoice_ids}
    visible = await ctx.reader.all(VISIBLE_PDFS, ids=list(parsed_ids.values()), **ctx.viewer_values)
    until = ctx.now + timedelta(seconds=ctx.settings.invoice_link_seconds)
    secret = ctx.settings.secret.get_secret_value()
    found: dict[str, InvoicePdf | TandemError] = {
        id: InvoicePdf(
            id,
            f"{ctx.settings.public_url}/api/v2/invoices/{id}/pdf"
            f"?token={links.sign(secret, _link_subject(id), until)}",
        )
        if ready
        else InvoiceNotReady()
        for id, ready in visible
    }
    return {id: found.get(parsed_ids[id]) or InvoiceNotFound() for id in invoice_ids}


async def file(request: Request, invoice: InvoicePdf) -> PdfFile:
    """Load the file whose URL `pdf` returned."""
    return await _load_file(request, invoice.id)


async def linked(request: Request, raw: Mapping[str, str]) -> PdfFile:
    """Load the file of a signed URL that `pdf` returned, for any caller.

    Raises `Unauthenticated` when the signature is wrong, `TokenExpired` when the URL has expired.
    """
    process = request.process
    await charge(request, None, pdf.cost)
    link = checked(InvoiceLink, raw, request.currency, *request.faults)
    links.check(process.settings.secrets, _link_subject(link.id), link.token, process.clock())
    return await _load_file(request, link.id)


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Invoice]:
    """Load the invoices that the caller may see, by id; relation of orders."""
    rows = await request.reader.all(
        INVOICE.by_ids, ids=list(ids), **viewer_values_for_relation(request, "invoices")
    )
    return {row.id: row for row in rows}


async def _load_file(request: Request, invoice_id: str) -> PdfFile:
    found = await request.reader.one(PDF, invoice_id=invoice_id)
    if found is None:
        raise InvoiceNotReady
    number, content = found
    return PdfFile(f"{number}.pdf", content)


def _link_subject(invoice_id: str) -> str:
    return f"invoice-pdf:{invoice_id}"
