"""The PDF of an invoice: A4 pages, with the same bytes for the same invoice.

Only the used letters of the fonts are embedded. A letter that no font has is shown as U+FFFD.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
from fpdf import FPDF, FontFace
from fpdf.table import Table

from persistence.invoices.tables import InvoiceKind
from persistence.invoices.views import Invoice
from services.invoices.fonts import (
    LATIN,
    USUAL,
    WHOLE_FONTS,
    add_font,
    letters_of,
    needs_shaping,
)

_MISSING = "\ufffd"
_SMALL, _NORMAL, _LARGE = 8, 10, 18
_GREY, _BLACK = 96, 0
#: Line heights in millimetres.
_ROW, _TIGHT = 6, 4.5
_WIDTHS = (8, 92, 18, 28, 28)
_TITLES = {InvoiceKind.INVOICE: "Invoice", InvoiceKind.CREDIT_NOTE: "Credit note"}


def render(invoice: Invoice, zone: ZoneInfo) -> bytes:
    """Make the file, with dates in the time zone. It keeps a core busy for 30 ms or longer."""
    page = _Page(invoice)
    page.add_page()
    _write_seller(page, invoice)
    _write_title(page, invoice, zone)
    _write_buyer(page, invoice)
    _write_lines(page, invoice)
    _write_totals(page, invoice)
    return bytes(page.output())


class _Page(FPDF):
    """A document with Tandem's fonts, and a footer on every page."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(format="A4")
        self._foot = f"{_TITLES[invoice.kind]} {invoice.number}"
        shaped = needs_shaping(msgspec.json.encode(invoice).decode())
        # Shaping reads the file of a font, and the usual letters have none.
        self.family = LATIN if shaped else USUAL
        add_font(self, self.family)
        self._covered = letters_of(self.family)
        self.set_text_shaping(shaped)
        self.set_font(self.family, size=_NORMAL)
        self.set_margins(18, 18)
        self.set_auto_page_break(True, 22)
        self.set_creation_date(invoice.issued_at)
        self.set_title(self._foot)
        self.set_author(invoice.seller.name)
        self.set_lang("en")

    def footer(self) -> None:
        """Write the document's title and the page number."""
        self.set_y(-15)
        self.write_line(f"{self._foot} · page {self.page_no()} of {{nb}}", _SMALL, _GREY)

    def printable(self, text: str) -> str:
        """The text with U+FFFD in place of letters that no font has."""
        for font in WHOLE_FONTS:
            missing = {ord(letter) for letter in text} - self._covered
            if missing & letters_of(font):
                add_font(self, font)
                self.set_fallback_fonts([name for name in self.fonts if name != self.family])
                self._covered |= letters_of(font)
        return "".join(letter if ord(letter) in self._covered else _MISSING for letter in text)

    def write_line(self, text: str, size: int = _NORMAL, grey: int = _BLACK) -> None:
        """Write a paragraph over the whole width."""
        self.set_font(self.family, size=size)
        self.set_text_color(grey)
        height = _ROW if size == _NORMAL else size * 0.5
        self.multi_cell(0, height, self.printable(text), new_x="LMARGIN", new_y="NEXT", align="L")
        self.set_text_color(_BLACK)

    def write_sum(self, label: str, amount: str, size: int = _NORMAL) -> None:
        """Write a label and an amount at the right margin."""
        self.set_font(self.family, size=size)
        self.cell(self.epw - _WIDTHS[-1] - 12, _ROW + 1, self.printable(label), align="R")
        self.cell(_WIDTHS[-1] + 12, _ROW + 1, amount, align="R", new_x="LMARGIN", new_y="NEXT")


def _write_seller(page: _Page, invoice: Invoice) -> None:
    seller = invoice.seller
    page.write_line(seller.name, 13)
    for line in seller.address:
        page.write_line(line, _SMALL, _GREY)
    if seller.tax_number is not None:
        page.write_line(f"Tax number: {seller.tax_number}", _SMALL, _GREY)
    if seller.email is not None:
        page.write_line(seller.email, _SMALL, _GREY)
    page.ln(_ROW * 2)


def _write_title(page: _Page, invoice: Invoice, zone: ZoneInfo) -> None:
    page.write_line(f"{_TITLES[invoice.kind]} {invoice.number}", _LARGE)
    page.ln(2)
    if invoice.corrects_number is not None:
        page.write_line(f"Corrects invoice {invoice.corrects_number}")
    page.write_line(f"Date: {_day(invoice.issued_at, zone)}")
    page.write_line(f"Order: {invoice.order_number}, paid {_day(invoice.paid_at, zone)}")
    page.ln(_ROW)


def _write_buyer(page: _Page, invoice: Invoice) -> None:
    buyer = invoice.buyer
    page.write_line("Billed to", _SMALL, _GREY)
    page.write_line(buyer.name)
    if buyer.address is not None:
        to = buyer.address
        page.ln(2)
        page.write_line("Sent to", _SMALL, _GREY)
        place = f"{to.postal_code or ''} {to.city}, {to.country}".lstrip()
        for line in (to.name, to.line1, to.line2, place):
            if line is not None:
                page.write_line(line)
    page.ln(_ROW)


def _write_lines(page: _Page, invoice: Invoice) -> None:
    if not invoice.lines:
        return
    rows = [
        (str(place), line.name, str(line.quantity), _amount(line.unit_price), _amount(line.total))
        for place, line in enumerate(invoice.lines, 1)
    ]
    page.set_font(page.family, size=_NORMAL)
    with page.table(
        col_widths=_WIDTHS,
        text_align=("RIGHT", "LEFT", "RIGHT", "RIGHT", "RIGHT"),
        borders_layout="SINGLE_TOP_LINE",
        # There is no bold font, so a colour marks the heading.
        headings_style=FontFace(emphasis="", color=_GREY),
        line_height=_TIGHT + 1,
        padding=0.5,
    ) as table:
        _write_row(page, table, ("", "Item", "Quantity", "Price", "Total"))
        for row in rows:
            _write_row(page, table, row)
    page.ln(_ROW / 2)


def _write_row(page: _Page, table: Table, cells: Sequence[str]) -> None:
    row = table.row()
    for cell in cells:
        row.cell(page.printable(cell))


def _write_totals(page: _Page, invoice: Invoice) -> None:
    # The totals stay together, on a new page if necessary.
    if page.will_page_break(5 * (_ROW + 1)):
        page.add_page()
    if invoice.discount:
        page.write_sum("Subtotal", _amount(invoice.subtotal))
        page.write_sum("Discount", f"−{_amount(invoice.discount)}")
    total = "Total" if invoice.kind is InvoiceKind.INVOICE else "Given back"
    page.write_sum(total, f"{invoice.currency} {_amount(invoice.total)}", 13)
    page.write_sum(f"including {_rate(invoice.tax_rate)}tax", _amount(invoice.tax))


def _day(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).date().isoformat()


def _amount(amount: Decimal) -> str:
    return f"{amount:,f}"


def _rate(rate: str | None) -> str:
    return "" if rate is None else f"{(Decimal(rate) * 100).normalize():f} % "
