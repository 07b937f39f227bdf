"""Searches as people type them, made into queries for words.

Every word must be there, in whatever form: as it is, by its English stem, joined or apart. The last
one may be a beginning. "Quotes" ask for words in a row, -word excludes, and `or` gives a choice.
English stop words count where nothing else is asked for.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from services.search.words import BEYOND, Chunk, chunks, pairs, stem

#: A word of fewer letters begins too many words: its beginnings are not looked up.
_SHORTEST_BEGINNING = 2
_TERMS = re.compile(r'(-?)(?:"([^"]*)"|([^\s"]+))')
_POSSESSIVE = re.compile("['\u2019][sS]$")
#: The stop words of PostgreSQL's English.
_ENGLISH_STOP_WORDS = """
a about above after again against all am an and any are as at be because been before being below
between both but by can did do does doing don down during each few for from further had has have
having he her here hers herself him himself his how i if in into is it its itself just me more most
my myself no nor not now of off on once only or other our ours ourselves out over own s same she
should so some such t than that the their theirs them themselves then there these they this those
through to too under until up very was we were what when where which while who whom why will with
you your yours yourself yourselves
"""
_STOP_WORDS = frozenset(_ENGLISH_STOP_WORDS.split())


class Search(NamedTuple):
    """A search as PostgreSQL reads it: two texts of ``tsquery``.

    ``words`` is what a text must have, and empty where nothing was asked for. ``any_word`` has each
    word by itself, to count how many a text has.
    """

    words: str
    any_word: str


class _Lexeme(NamedTuple):
    text: str
    begins: bool = False

    def written(self, weight: str = "") -> str:
        marks = ("*" if self.begins else "") + weight
        return f"'{self.text}'" + (f":{marks}" if marks else "")


class _Slot(NamedTuple):
    """The lexemes that may stand in one place of a row of words, and that place."""

    lexemes: tuple[_Lexeme, ...]
    place: int

    def written(self, weight: str = "") -> str:
        return f"({' | '.join(each.written(weight) for each in self.lexemes)})"


class _Term(NamedTuple):
    """One thing that is asked for: a row of words, in the ways that it may be written."""

    rows: tuple[tuple[_Slot, ...], ...]
    #: Whether all of its words are stop words.
    is_stop: bool

    def written(self) -> str:
        return f"({' | '.join(dict.fromkeys(map(_row, self.rows)))})"

    def lexemes(self) -> Iterable[_Lexeme]:
        return (each for row in self.rows for slot in row for each in slot.lexemes)


class _Group(NamedTuple):
    """The terms between two `or`: all of the wanted ones, and none of the excluded ones."""

    wanted: list[_Term]
    excluded: list[_Term]

    def written(self) -> str:
        needed = [term for term in self.wanted if not term.is_stop] or self.wanted
        without = [f"!{term.written()}" for term in self.excluded if not term.is_stop]
        return " & ".join([*(term.written() for term in needed), *without])


def read_search(typed: str) -> Search:
    """The queries of a search that somebody typed."""
    groups = [_Group([], [])]
    terms = list(_TERMS.finditer(typed))
    for number, found in enumerate(terms, 1):
        minus, quoted, word = found.groups()
        if word and word.lower() == "or" and any(groups[-1]) and number < len(terms):
            groups.append(_Group([], []))
            continue
        last = number == len(terms) and quoted is None and not minus
        term = _term(quoted or word or "", begins=last)
        if term is not None:
            (groups[-1].excluded if minus else groups[-1].wanted).append(term)
    written = [f"({text})" for group in groups if (text := group.written())]
    wanted = [each for group in groups for term in group.wanted for each in term.lexemes()]
    return Search(" | ".join(written), " | ".join(each.written() for each in dict.fromkeys(wanted)))


def _term(text: str, *, begins: bool) -> _Term | None:
    found = list(chunks(text))
    if not found:
        return None
    rows = [_apart(found, begins=begins), _joined(found, begins=begins)]
    if _POSSESSIVE.search(text) and (owner := list(chunks(text[:-2]))):
        rows.append(_apart(owner, begins=False))
    stop = all(_is_stop(each[0]) for each in found)
    return _Term(tuple(rows), stop)


def _is_stop(chunk: Chunk) -> bool:
    return all(part.text in _STOP_WORDS for part in chunk.parts)


def _apart(found: Sequence[Sequence[Chunk]], *, begins: bool) -> tuple[_Slot, ...]:
    """The row of all parts of the chunks."""
    slots: list[_Slot] = []
    place = 0
    for spellings in _without_stops(found):
        for number in range(len(spellings[0].parts) if spellings else 0):
            parts = [spelled.parts[number] for spelled in spellings]
            if parts[0].is_run:
                slots += [
                    _Slot((_Lexeme(pair),), place + parts[0].place + at)
                    for at, pair in enumerate(pairs(parts[0].text))
                ]
            else:
                slots.append(_slot([part.text for part in parts], place + parts[0].place))
        place += spellings[0].width if spellings else 1
    return _beginning(slots) if begins else tuple(slots)


def _joined(found: Sequence[Sequence[Chunk]], *, begins: bool) -> tuple[_Slot, ...]:
    """The row of the chunks, each one as one word where it can be."""
    if any(part.is_run for spellings in found for part in spellings[0].parts):
        return _apart(found, begins=begins)
    slots = [
        _slot(["".join(part.text for part in spelled.parts) for spelled in spellings], place)
        for place, spellings in enumerate(_without_stops(found))
        if spellings
    ]
    return _beginning(slots) if begins else tuple(slots)


def _without_stops(found: Sequence[Sequence[Chunk]]) -> Sequence[Sequence[Chunk]]:
    """The chunks, with nothing in the place of stop words, unless there is nothing else."""
    kept = [() if _is_stop(spellings[0]) else spellings for spellings in found]
    return kept if any(kept) else found


def _slot(words: Sequence[str], place: int) -> _Slot:
    lexemes = dict.fromkeys(each for word in words for each in (word, stem(word)))
    return _Slot(tuple(map(_Lexeme, lexemes)), place)


def _beginning(slots: Sequence[_Slot]) -> tuple[_Slot, ...]:
    """The row, with words that begin like its last one as well."""
    *before, last = slots
    lexemes = [
        _Lexeme(each.text, len(each.text) >= _SHORTEST_BEGINNING and number == 0)
        for number, each in enumerate(last.lexemes)
    ]
    return (*before, _Slot(tuple(lexemes), last.place))


def _row(slots: Sequence[_Slot]) -> str:
    """The query for a row of words; beyond the places that PostgreSQL knows, in any order."""
    if len(slots) == 1:
        return slots[0].written()
    row = slots[0].written()
    for before, slot in pairwise(slots):
        row += f" <{slot.place - before.place}> {slot.written()}"
    beyond = " & ".join(slot.written(BEYOND) for slot in slots)
    return f"({row}) | ({beyond})"
