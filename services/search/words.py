"""The words of a text, as lists search them: one function for the texts and for queries.

A text is split at blanks into chunks, and a chunk into parts: letters, digits, and runs of scripts
without blanks. `T-shirt` has the parts t and shirt, and is one word as well: tshirt. A run has its
characters and their pairs, as nobody can tell its words without a dictionary.

A change of the words that this module, `folding` or `sort_keys` make needs a new `TEXT_VERSION`.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import Stemmer

from services.search.folding import spellings, without_case

Weight = Literal["A", "B", "C"]
#: The characters of a text that are searched. PostgreSQL's index of a text holds 1 MB.
LONGEST = 20_000
#: The letters of a word that count; more are one binary in a text.
_LONGEST_WORD = 64
#: PostgreSQL knows 16,383 places of a text and 255 of a word. Words beyond have no place: they get
#: a weight of their own, by which queries know them.
_LAST_PLACE, _MOST_PLACES = 16_380, 255
BEYOND = "D"
#: The places between two texts, so that no phrase spans both.
_GAP = 20

_LETTER, _DIGIT, _RUN, _OTHER = "a", "1", "c", "-"
#: Han, kana, Hangul, Thai, Lao, Tibetan, Myanmar, Khmer. Korean has blanks, but joins words.
_RUNS = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007"
    "\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_PARTS = re.compile(f"{_LETTER}+|{_DIGIT}+|{_RUN}+")
_WORDS = re.compile(f"[{_LETTER}{_DIGIT}]+")


class _Kinds(dict[int, str]):
    """The kind of each character by its code, found when the character first comes."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        category = unicodedata.category(letter)[0]
        kind = _OTHER
        if category in "LM":
            kind = _RUN if _RUNS.match(letter) else _LETTER
        elif category == "N":
            kind = _DIGIT
        self[code] = kind
        return kind


_KINDS = _Kinds()


class Piece(NamedTuple):
    """Letters, digits or a run, and its place from the chunk's first one."""

    text: str
    place: int
    is_run: bool


class Chunk(NamedTuple):
    """What stands between two blanks, in one spelling.

    ``words`` are its words of more than one part, with their first and last places; the last word
    is the whole chunk.
    """

    parts: tuple[Piece, ...]
    words: tuple[tuple[str, int, int], ...]
    #: How many places it takes.
    width: int


def chunks(text: str) -> Iterator[list[Chunk]]:
    """The chunks of a text that have words, each in its spellings."""
    for each in without_case(text[:LONGEST]).split():
        found = [_chunk(spelling) for spelling in spellings(each)]
        if found[0].parts:
            yield found


def _chunk(text: str) -> Chunk:
    kinds = text.translate(_KINDS)
    parts: list[Piece] = []
    places: dict[int, int] = {}
    width = 0
    for found in _PARTS.finditer(kinds):
        start, end = found.span()
        is_run = kinds[start] == _RUN
        parts.append(Piece(text[start:end][: None if is_run else _LONGEST_WORD], width, is_run))
        places[start] = width
        width += end - start if is_run else 1
        places[end] = width - 1
    words: dict[str, tuple[int, int]] = {}
    for found in _WORDS.finditer(kinds):
        start, end = found.span()
        if places[start] < places[end]:
            words[text[start:end][:_LONGEST_WORD]] = (places[start], places[end])
    if len(parts) > 1 and not any(part.is_run for part in parts):
        joined = "".join(part.text for part in parts)[:_LONGEST_WORD]
        words[joined] = (0, width - 1)
    return Chunk(tuple(parts), tuple((word, *at) for word, at in words.items()), width)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The English stem of a word: lamp for lamps, batteri for batteries."""
    # A stemmer of its own: one that several threads use at once makes wrong stems.
    return word if word.isdigit() else Stemmer.Stemmer("english", 0).stemWord(word)


def pairs(run: str) -> list[str]:
    """The pairs of neighbours in a run; a character alone is its own pair."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def search_vector(texts: Sequence[tuple[Weight, Sequence[str]]]) -> str:
    """The words of texts with their weights and places, as PostgreSQL reads a ``tsvector``."""
    found: dict[str, dict[str, None]] = {}
    place = 1
    for weight, some in texts:
        for text in some:
            for chunk in chunks(text):
                for spelled in chunk:
                    _add(found, spelled, place, weight)
                place += chunk[0].width
            place += _GAP
    return " ".join(
        f"'{word}':{','.join([*places][:_MOST_PLACES])}" for word, places in found.items()
    )


def _add(found: dict[str, dict[str, None]], chunk: Chunk, first: int, weight: Weight) -> None:
    def add(word: str, *places: int) -> None:
        marks = found.setdefault(word, {})
        for place in places:
            at = first + place
            marks[f"{at}{weight}" if at <= _LAST_PLACE else f"{_LAST_PLACE + 1}{BEYOND}"] = None

    for part in chunk.parts:
        if part.is_run:
            for at, letter in enumerate(part.text):
                add(letter, part.place + at)
            for at, pair in enumerate(pairs(part.text)):
                add(pair, part.place + at)
        else:
            add(part.text, part.place)
            add(stem(part.text), part.place)
    for word, start, end in chunk.words:
        add(word, start, end)
        add(stem(word), start, end)
