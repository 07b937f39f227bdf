"""REST routes of invoices."""

from fastapi import APIRouter, Response

from api.rest.calls import Answer, Call, File, nested
from api.rest.operation_route import OperationRoute
from services.invoices import reading as invoices
from services.operation.error_translation import translate_errors

router = APIRouter(prefix="/invoices", route_class=OperationRoute)


class PdfResponse(Response):
    """Documents the media type; the route writes the answer."""

    media_type = "application/pdf"


@router.get("/{id}", name="invoices.get", operation_id="invoice")
async def get_invoice(call: Call) -> Answer:
    return await invoices.get(call.request, call.input)


@router.get("/{id}/pdf", name="invoices.pdf", operation_id="invoicePdf", response_class=PdfResponse)
async def get_invoice_pdf(call: Call) -> Answer:
    if call.link is None:
        found = await nested(call, invoices.pdf, call.path["id"])
        pdf = await translate_errors(invoices.file, call.request, found)
    else:
        raw = {**call.input, **call.path, "token": call.link}
        pdf = await translate_errors(invoices.linked, call.request, raw)
    return File(pdf.content, pdf.name)
