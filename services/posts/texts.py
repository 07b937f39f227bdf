"""What posts are found and sorted by."""

from collections.abc import Sequence
from typing import Any

from services.search.columns import sort_columns, word_columns


def text_columns(title: str, tags: Sequence[str], content: str) -> dict[str, Any]:
    """The columns that are made of a post's texts."""
    words = word_columns(("A", [title]), ("B", tags), ("C", [content]))
    return {**words, **sort_columns("title", title)}
