"""The fonts of PDFs, each for some scripts.

Noto Sans has Latin, Greek and Cyrillic, Noto Sans SC Chinese and Japanese. Others have Korean,
Arabic, Hebrew and Thai; the last three are shaped.

A PDF parses each font that it uses, and Noto Sans has 4,500 glyphs in many weights. Nearly every
invoice needs only the usual letters, so a process keeps a font of these: a PDF with it takes 30 ms
of work in place of 170. Other letters come from the whole font, without the tables that only
variable fonts and shaped text need: 80 ms.
"""

import io
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

import fontpkg
import pylopdf_fonts_ko
import pylopdf_fonts_zh_cn
from fontTools import subset
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.fonts import TTFFont

USUAL, LATIN = "usual", "latin"
#: The files of fonts, in the order in which a letter is looked for.
_FILES: dict[str, Callable[[], Path | str]] = {
    LATIN: partial(fontpkg.path, "Noto Sans"),
    "han": pylopdf_fonts_zh_cn.sans_path,
    "korean": pylopdf_fonts_ko.sans_path,
    "arabic": partial(fontpkg.path, "Noto Sans Arabic"),
    # The default weight of Noto Sans Hebrew is too thin to read.
    "hebrew": partial(fontpkg.path, "Open Sans"),
    "thai": partial(fontpkg.path, "Noto Sans Thai"),
}
WHOLE_FONTS = tuple(_FILES)
#: Hebrew, Arabic and Thai: letters that join, stack, or go from right to left.
_SHAPED = re.compile("[\u0590-\u08ff\u0e00-\u0e7f\ufb1d-\ufdff\ufe70-\ufefc]")
#: Latin of Europe, Greek, Cyrillic of Slavic languages, punctuation, currencies, № ™ −, U+FFFD.
_USUAL_LETTERS = (
    *range(0x20, 0x180),
    *range(0x370, 0x400),
    *range(0x400, 0x460),
    *range(0x2010, 0x2070),
    *range(0x20A0, 0x20D0),
    *(0x2116, 0x2122, 0x2212, 0xFFFD),
)
#: The tables that a PDF needs of a font: outlines, widths, letters and names.
_NEEDED = frozenset(
    ("head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "loca", "glyf", "name", "post", "CFF ")
)


def needs_shaping(text: str) -> bool:
    """Does a text hold letters that must be shaped or ordered before they are drawn?"""
    return _SHAPED.search(text) is not None


def add_font(page: FPDF, font: str) -> None:
    """Give a document one of the fonts."""
    if font == USUAL:
        # FPDF.add_font takes the name of a file only.
        page.fonts[font] = TTFFont(page, io.BytesIO(_usual_font()), font, "")  # type: ignore[arg-type]
        return
    page.add_font(font, "", str(_path(font)))
    added = page.fonts[font]
    assert isinstance(added, TTFFont)
    _drop_tables(added.ttfont)


@cache
def letters_of(font: str) -> frozenset[int]:
    """The code points that a font has a glyph for."""
    file = io.BytesIO(_usual_font()) if font == USUAL else _path(font)
    with TTFont(file, lazy=True) as opened:
        return frozenset(opened.getBestCmap() or ())


@cache
def _usual_font() -> bytes:
    """A font of the usual letters alone; it takes a tenth of a second once."""
    options = subset.Options(notdef_outline=True, recommended_glyphs=True, hinting=False)
    made = io.BytesIO()
    with TTFont(_path(LATIN), lazy=True, recalcTimestamp=False) as font:
        _drop_tables(font)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=list(_USUAL_LETTERS))
        subsetter.subset(font)
        font.save(made)
    return made.getvalue()


def _drop_tables(font: TTFont) -> None:
    tables: Iterable[str] = set(font.keys()) - _NEEDED - {"GlyphOrder"}
    for table in tables:
        del font[table]


def _path(font: str) -> Path:
    return Path(_FILES[font]())
