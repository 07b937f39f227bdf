"""REST routes of invoices."""

from api.rest.calls import Answer, Call, File, nested, route
from services.invoices import reading as invoices
from services.operation.running import translate_errors

PDF = "application/pdf"


@route("invoice", "GET", "/invoices/{id}", invoices.get)
async def get_invoice(call: Call) -> Answer:
    return await invoices.get(call.request, call.input)


@route("invoicePdf", "GET", "/invoices/{id}/pdf", invoices.pdf, file=PDF)
async def get_invoice_pdf(call: Call) -> Answer:
    if call.link is None:
        found = await nested(call, invoices.pdf, call.path["id"])
        pdf = await translate_errors(invoices.file, call.request, found)
    else:
        raw = {**call.input, **call.path, "token": call.link}
        pdf = await translate_errors(invoices.linked, call.request, raw)
    return File(pdf.content, pdf.name, PDF)
