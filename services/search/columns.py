"""The columns that are made of a row's texts, as operations write them beside the texts."""

from collections.abc import Sequence
from typing import Any

from persistence.search.texts import TEXT_VERSION
from services.search.queries import read_search
from services.search.sort_keys import sort_key
from services.search.words import Weight, search_vector


def sort_columns(column: str, text: str) -> dict[str, Any]:
    """The sort key of the text in a column."""
    return {f"{column}_key": sort_key(text), "text_version": TEXT_VERSION}


def word_columns(*texts: tuple[Weight, Sequence[str]]) -> dict[str, Any]:
    """The words of texts; weight A is found before B, and B before C."""
    return {"words": search_vector(texts), "text_version": TEXT_VERSION}


def search_values(typed: str | None) -> dict[str, Any]:
    """The values that a list needs beside the filter ``search``."""
    if typed is None:
        return {}
    search = read_search(typed)
    return {"search_words": search.words, "search_any_word": search.any_word}
