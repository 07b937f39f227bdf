"""Folding: one spelling for texts that people take for the same.

Case, accents, widths and marks of vowels are folded, as few people type them. Marks that make
another letter stay: those of kana (ハ and バ), and those of Indic and Thai vowels.
"""

import re
import unicodedata

#: Letters that Unicode does not decompose, and signs that people replace.
_REPLACED = {
    **dict(zip("łøđðħŧıŋə", "loddhtine", strict=True)),
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    # The sign of sizes is typed as a letter.
    "×": "x",
    # Arabic letters that keyboards and habits interchange, and Persian ones.
    **dict(zip("ىیکةٱ", "ييكها", strict=True)),
    # Katakana is read as hiragana.
    **{chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)},
}
#: German and Scandinavian letters as they are spelled where a keyboard lacks them.
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
#: Signs that NFKC would turn into letters of the word before them, apostrophes that count as
#: letters, and invisible characters inside words. The joiner of Persian divides words.
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("™℠", " "),
        "№": "no ",
        **dict.fromkeys("ʹʻʼʽʾʿ՚", "'"),
        **dict.fromkeys("\u00ad\u200d\u2060\ufeff\u200e\u200f"),
        **dict.fromkeys("\u200b\u200c", "-"),
    }
)
_MARKS = re.compile(
    # Accents of Latin and Greek, whose letters are decomposed here.
    "(?<=[\u0000-\u024f\u0250-\u02af\u0370-\u03ff])[\u0300-\u036f]+"
    # Stress of Cyrillic, and the dots of ё; й and ї are letters of their own.
    "|(?<=[\u0400-\u04ff])[\u0300\u0301]|(?<=\u0435)\u0308"
    # Points of Hebrew; marks of Arabic, and its tatweel.
    "|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"
    "|[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]"
)


class _Letters(dict[int, str]):
    """Replacements by code, made when a character first comes."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        value = unicodedata.decimal(letter, None)
        self[code] = _REPLACED.get(letter, letter) if value is None else str(value)
        return self[code]


_LETTERS = _Letters()


def without_case(text: str) -> str:
    """A text in one case and in one width, with its accents."""
    if text.isascii():
        return text.lower()
    # Turkish İ becomes i with a dot above, which NFC cannot join.
    folded = unicodedata.normalize("NFKC", text.translate(_SIGNS)).casefold()
    return unicodedata.normalize("NFKC", folded)


def without_accents(text: str) -> str:
    """A text that `without_case` made, without accents and marks of vowels."""
    if text.isascii():
        return text
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
    return unicodedata.normalize("NFC", bare)


def spellings(text: str) -> list[str]:
    """The folded spellings of a text that `without_case` made: one, or two with ä, ö, ü, ø, å."""
    found = [without_accents(text)]
    spelled_out = text.translate(_SPELLED_OUT)
    return found if spelled_out == text else [*found, without_accents(spelled_out)]
