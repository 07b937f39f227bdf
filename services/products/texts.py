"""What products are found and sorted by."""

from collections.abc import Sequence
from typing import Any

from services.search.columns import sort_columns, word_columns


def text_columns(name: str, tags: Sequence[str], description: str) -> dict[str, Any]:
    """The columns that are made of a product's texts."""
    words = word_columns(("A", [name]), ("B", tags), ("C", [description]))
    return {**words, **sort_columns("name", name)}
