"""Characters of names and passwords: which are invisible, which reorder text, which are the same.

A joiner shapes Persian and Indic letters and builds emoji, a selector chooses an emoji's look, and
tags make the flags of England, Scotland and Wales. Each is allowed where it does that, and nowhere
else: an invisible character would make two equal names of two people.
"""

import re
import unicodedata

#: Characters without a shape of their own: Unicode's default ignorables, separators of lines,
#: fillers, the blank of braille, and places for objects.
INVISIBLE_RANGES = (
    "\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe-\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: Characters that reorder the text around them; Unicode advises isolates in their place.
OVERRIDE_RANGES = "\u202a-\u202e"
_INVISIBLE = re.compile(f"[{INVISIBLE_RANGES}]")
_OVERRIDE = re.compile(f"[{OVERRIDE_RANGES}]")
#: A black flag, tags that spell a region, and the tag that ends them.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
_UNKNOWN = {"Cn", "Co"}
_JOINERS = "\u200c\u200d"
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_KEYCAP = re.compile("[0-9#*]\ufe0f\u20e3")
#: Latin, Greek and Cyrillic end before this; none of them is written with joiners.
_FIRST_JOINED = 0x0530
_VIRAMA = 9


def same_password(password: str) -> str:
    """The spelling of a password that is hashed: keyboards write one letter in several ways."""
    return unicodedata.normalize("NFKC", password)


def fold_case(text: str) -> str:
    """A text in one case, letter by letter as PostgreSQL folds it (`tandem_folded`)."""
    return "".join(map(_fold_letter, text))


def _fold_letter(letter: str) -> str:
    capital = letter.upper()
    # PostgreSQL leaves letters as they are whose capital is several letters, as that of ß.
    return capital.lower() if len(capital) == 1 else letter


def overrides(text: str) -> bool:
    """Does a text hold a character that overrides the direction of what follows?"""
    return _OVERRIDE.search(text) is not None


#: As many as Unicode's stream-safe texts pile up on a letter (UAX 15).
_MOST_MARKS = 30


def piles_marks(text: str) -> bool:
    """Do more combining marks than any script writes follow one letter?

    Normalising takes quadratic time in them: 22 s for 100,000.
    """
    if max(text, default="") < "\u0300":
        return False
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks > _MOST_MARKS:
            return True
    return False


def shows_something(text: str) -> bool:
    """Is anything of a text visible: a letter, a digit, a sign?

    A character that this Unicode does not know counts, as it may be a new letter.
    """
    return any(
        (unicodedata.category(letter)[0] in "LNPS" or unicodedata.category(letter) in _UNKNOWN)
        and not _INVISIBLE.match(letter)
        for letter in text
    )


def hides_something(text: str) -> bool:
    """Does a text hold an invisible character where it shapes nothing?"""
    if text.isascii():
        return False
    rest = _KEYCAP.sub("0", _FLAG.sub("\U0001f3f4", text))
    return any(not _shapes(rest, found.start()) for found in _INVISIBLE.finditer(rest))


def _shapes(text: str, place: int) -> bool:
    """Does the invisible character at a place shape the visible ones beside it?"""
    letter, before = text[place], text[place - 1 : place]
    after = text[place + 1 : place + 2]
    if not before:
        return False
    if letter in _JOINERS:
        # A virama with a joiner is a letter of its own in some scripts, and may end a word.
        return _is_joined(before) and (
            _is_joined(after) or unicodedata.combining(before) == _VIRAMA
        )
    if letter in _EMOJI_SELECTORS:
        return ord(before) > 0xA8 and unicodedata.category(before) in _SELECTED
    if "\ufe00" <= letter <= "\ufe0d":
        return ord(before) >= 0x1000 and unicodedata.category(before) == "Lo"
    if "\U000e0100" <= letter <= "\U000e01ef":
        return unicodedata.name(before, "").startswith("CJK")
    if "\u180b" <= letter <= "\u180f":
        return unicodedata.name(before, "").startswith("MONGOLIAN LETTER")
    return False


#: Categories of characters that have a look as text and one as emoji.
_SELECTED = {"So", "Sm", "Sk", "Po", "Pd", "Ll"}


def _is_joined(letter: str) -> bool:
    if not letter or ord(letter) < _FIRST_JOINED:
        return False
    if letter in _EMOJI_SELECTORS:
        return True
    return not _INVISIBLE.match(letter) and unicodedata.category(letter)[0] in "LMS"
