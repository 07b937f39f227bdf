"""Columns that are made of a row's texts, and how lists search and sort by them.

Services make the words and the sort keys: see ``services/search/``. Each row has a `text_version`,
the version of the rules that they were made by. It is 0 in a row that has none yet, and negative in
one whose texts were changed without them, as a release from before would. Until a job has filled
such a row, it is found and sorted as it was before there were words.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from persistence.database.listing import Sort

#: The version of the rules that words and sort keys are made by. Raising it outdates all of them,
#: and the cursors of lists that sort by them.
TEXT_VERSION = 1

_current = sa.literal_column(str(TEXT_VERSION))
#: The search as it was typed, for rows that have no words yet.
_typed = sa.func.websearch_to_tsquery(
    sa.literal_column("'english'::regconfig"), sa.bindparam("search", type_=sa.Text)
)
_words = sa.bindparam("search_words", type_=TSQUERY)
_any_word = sa.bindparam("search_any_word", type_=TSQUERY)


def lowered(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """A text in small letters, compared by bytes."""
    return sa.func.lower(text, type_=sa.Text).collate("C")


def sort_order(
    key: sa.ColumnElement[Any], text: sa.ColumnElement[str], version: sa.ColumnElement[int]
) -> sa.ColumnElement[str]:
    """What a list sorts by: the sort key, and the text in small letters for a row without one.

    Both are the same for texts in ASCII.
    """
    present = sa.case((version > sa.literal_column("0"), key))
    small = sa.func.lower(text.collate("C"))
    return sa.func.coalesce(present, small, type_=sa.Text(collation="C"))


def by_text(column: sa.ColumnElement[str], *, descending: bool = False) -> Sort:
    """The order of a text in small letters, or of a sort key."""
    return Sort(column, descending, None, str, TEXT_VERSION)


class Searched(NamedTuple):
    """The columns of a table that is searched.

    ``before`` are the English words that PostgreSQL makes by itself, by which rows with outdated
    words are found. A table without them finds a row by the words that it has, of any version.
    """

    words: sa.ColumnElement[Any]
    version: sa.ColumnElement[int]
    before: sa.ColumnElement[Any] | None = None

    @property
    def found(self) -> sa.ColumnElement[bool]:
        """Does the row have what is searched for?"""
        by_words = self.words.bool_op("@@")(_words)
        if self.before is None:
            return by_words
        outdated = sa.or_(self.version < _current, self.version > _current)
        return sa.or_(
            sa.and_(self.version == _current, by_words),
            sa.and_(outdated, self.before.bool_op("@@")(_typed)),
        )

    @property
    def relevance(self) -> Sort:
        """The order of what was found: by where its words stand, and then by how many there are."""
        rank = _rank(self.words, _words, _any_word)
        if self.before is not None:
            by_typed = _rank(self.before, _typed, _typed)
            rank = sa.case((self.version == _current, rank), else_=by_typed)
        return Sort(rank, True, None, int, TEXT_VERSION)


def _rank(
    vector: sa.ColumnElement[Any], wanted: sa.ColumnElement[Any], any_word: sa.ColumnElement[Any]
) -> sa.ColumnElement[int]:
    """A whole number: millions by the place of all words, and below them by their number.

    All words in a name (weight A) come before some in tags (B), and these before the rest.
    """

    def stand_in(weights: str) -> sa.ColumnElement[int]:
        kept = sa.func.ts_filter(vector, sa.literal_column(f"'{weights}'"), type_=TSVECTOR)
        return sa.cast(kept.bool_op("@@")(wanted), sa.Integer)

    million = sa.literal_column("1000000")
    many = sa.cast(sa.func.ts_rank(vector, any_word) * sa.literal_column("999999"), sa.Integer)
    return (stand_in("{a}") + stand_in("{a,b}")) * million + many
