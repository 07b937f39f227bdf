"""The PDF of an invoice: everything in it can be read, whatever it is written in."""

import io
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pypdf
import pytest
from fontTools.ttLib import TTFont

from persistence.invoices.tables import InvoiceKind
from persistence.invoices.views import Buyer, Invoice, Seller
from persistence.orders.views import OrderLine, ShippingAddress
from services.invoices.fonts import LATIN, USUAL, letters_of, needs_shaping
from services.invoices.pdf import render

ZONE = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # of the new year in Berlin


def line(place: int, name: str = "Lamp") -> OrderLine:
    return OrderLine("p", f"{name} no. {place}", 2, Decimal("617.25"), Decimal("1234.50"))


def invoice(lines: int = 1, **more: Any) -> Invoice:
    made = Invoice(
        id="01a1f9bd-135c-7e07-b274-b67df665d3e0",
        kind=InvoiceKind.INVOICE,
        number="2027-000042",
        order_id="01a1f9bd-135c-7e07-b274-b67df665d3e1",
        order_number="T000017",
        corrects_id=None,
        corrects_number=None,
        refund_id=None,
        seller=Seller(
            "Lampen & Söhne", ["Lindenstraße 14", "10969 Berlin"], "DE123456789", "a@b.de"
        ),
        buyer=Buyer(
            "Zoë Wałęsa", ShippingAddress("Ada", "12 Square", "Flat 3", "Łódź", "90-001", "PL")
        ),
        lines=[line(place) for place in range(1, lines + 1)],
        subtotal=Decimal("1234.50") * lines,
        discount=Decimal("0.00"),
        total=Decimal("1234.50") * lines,
        tax=Decimal("197.11"),
        tax_rate="0.19",
        currency="EUR",
        paid_at=datetime(2026, 12, 30, tzinfo=UTC),
        issued_at=MIDNIGHT,
    )
    return msgspec.structs.replace(made, **more)


def pages_of(content: bytes) -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(content))
    # Letters of two fonts are set apart by the reader.
    return [page.extract_text().replace("  ", " ") for page in reader.pages]


def fonts_in(content: bytes) -> list[io.BytesIO]:
    """The font files that a PDF's first page uses."""
    page = pypdf.PdfReader(io.BytesIO(content)).pages[0]
    found = []
    for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
        descendant = font.get_object()["/DescendantFonts"][0].get_object()
        descriptor = descendant["/FontDescriptor"].get_object()
        [file] = [descriptor[key] for key in ("/FontFile2", "/FontFile3") if key in descriptor]
        found.append(io.BytesIO(file.get_object().get_data()))
    return found


def test_all_that_an_invoice_says_stands_in_its_pdf() -> None:
    [text] = pages_of(render(invoice(discount=Decimal("34.50"), total=Decimal("1200.00")), ZONE))
    for said in (
        "Invoice 2027-000042",
        "Date: 2027-01-01",  # a day of the shop's
        "Order: T000017, paid 2026-12-30",
        *("Lampen & Söhne", "Lindenstraße 14", "10969 Berlin", "DE123456789", "a@b.de"),
        *("Zoë Wałęsa", "Ada", "12 Square", "Flat 3", "90-001 Łódź, PL"),
        "1 Lamp no. 1 2 617.25 1,234.50",
        "Subtotal 1,234.50",
        "Discount −34.50",
        "Total EUR 1,200.00",
        "including 19 % tax 197.11",
        "page 1 of 1",
    ):
        assert said in text, said


@pytest.mark.parametrize("letter", ["€", "ß", "ł", "漢", "ひ", "Ж", "Ω", "ő", "Ğ"])
def test_a_name_is_read_back_as_it_was_written(letter: str) -> None:
    buyer = Buyer(f"A {letter} B", None)
    content = render(invoice(buyer=buyer, lines=0, seller=Seller("Shop", [], None, None)), ZONE)
    assert letter in pages_of(content)[0]


def test_a_letter_that_no_font_has_is_shown_as_missing() -> None:
    [text] = pages_of(render(invoice(buyer=Buyer("A\u1200B", None)), ZONE))
    assert "A\ufffdB" in text


@pytest.mark.parametrize(
    "name", ["김철수", "עולם", "שָׁלוֹם דוד", "عبد الله محمد", "กรุงเทพฯ", "น้ำผึ้ง", "김 دوד ก"]
)
def test_every_script_has_a_font(name: str) -> None:
    to = ShippingAddress(name, f"12 {name}", None, name, None, "KR")
    content = render(
        invoice(
            buyer=Buyer(name, to),
            seller=Seller(f"{name} Ltd", [name], None, None),
            lines=2,
        ),
        ZONE,
    )
    [text] = pages_of(content)
    assert "\ufffd" not in text
    assert {*unicodedata.normalize("NFKC", name)} <= {*unicodedata.normalize("NFKC", text), " "}
    assert "page 1 of 1" in text
    assert "Total EUR" in text


def drawn(content: bytes) -> list[str]:
    """The texts of a PDF's first page, in the order in which they are drawn."""
    found: list[str] = []
    page = pypdf.PdfReader(io.BytesIO(content)).pages[0]
    page.extract_text(visitor_text=lambda text, *_: found.append(text.strip()))
    return found


def test_arabic_letters_are_joined() -> None:
    name = "بيت"
    joined, apart = (
        fonts_in(render(invoice(buyer=Buyer(text, None), lines=0), ZONE))[1].getvalue()
        for text in (name, " ".join(name))
    )
    assert joined != apart  # a letter that joins others has another shape than one alone


def test_hebrew_goes_from_right_to_left_and_its_numbers_do_not() -> None:
    texts = drawn(render(invoice(buyer=Buyer("דוי 57", None), lines=0), ZONE))
    assert texts.index("57") < texts.index("דוי")


def test_texts_without_such_letters_are_not_shaped() -> None:
    content = render(invoice(buyer=Buyer("김철수 漢 Nguyễn", None)), ZONE)
    assert needs_shaping("김철수 漢 Nguyễn Ж") is False
    assert len(fonts_in(content)) == 4


def test_a_hundred_lines_go_over_several_pages_with_nothing_lost() -> None:
    lines = [line(place, "A lamp of a long name, " * 4) for place in range(1, 101)]
    pages = pages_of(render(msgspec.structs.replace(invoice(), lines=lines), ZONE))
    assert len(pages) > 3
    whole = " ".join(pages).replace("\n", " ")
    assert all(f"no. {place} 2 617.25" in whole for place in range(1, 101))
    for number, page in enumerate(pages, 1):
        assert f"Invoice 2027-000042 · page {number} of {len(pages)}" in page
    assert all("Quantity" in page for page in pages if "617.25" in page)
    assert "Total EUR" in pages[-1]


def test_the_same_invoice_makes_the_same_bytes() -> None:
    assert render(invoice(), ZONE) == render(invoice(), ZONE)
    about = pypdf.PdfReader(io.BytesIO(render(invoice(), ZONE))).metadata
    assert about
    assert about.creation_date == MIDNIGHT  # and not when it was made
    assert render(invoice(), ZONE) != render(invoice(number="2027-000043"), ZONE)


def test_only_the_letters_that_are_used_are_embedded() -> None:
    content = render(invoice(buyer=Buyer("漢", None)), ZONE)
    assert len(content) < 15_000  # the fonts have ten million bytes
    assert len(fonts_in(content)) == 2


def test_usual_letters_need_one_small_font() -> None:
    assert len(fonts_in(render(invoice(buyer=Buyer("Zoë Ελένη Жанна Łódź € №", None)), ZONE))) == 1
    assert len(fonts_in(render(invoice(buyer=Buyer("Nguyễn", None)), ZONE))) == 2
    # A PDF parses the whole font that it uses.
    assert len(letters_of(USUAL)) < 1_000 < len(letters_of(LATIN))


@pytest.mark.parametrize("name", ["Ada", "Nguyễn"])
def test_fonts_have_no_tables_that_a_pdf_does_not_need(name: str) -> None:
    for font in fonts_in(render(invoice(buyer=Buyer(name, None)), ZONE)):
        assert not {"gvar", "fvar", "HVAR", "STAT", "GSUB", "GPOS"} & {*TTFont(font).keys()}


def test_a_rate_that_is_not_known_is_not_made_up() -> None:
    [text] = pages_of(render(invoice(tax_rate=None), ZONE))
    assert "including tax 197.11" in text
    [text] = pages_of(render(invoice(tax_rate="0.077"), ZONE))
    assert "including 7.7 % tax" in text
