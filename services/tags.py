"""Tags: words by which lists of products and of posts can be filtered."""

from typing import Annotated

from pydantic import AfterValidator, Field

from services.operation.inputs import NameLine
from services.texts import fold_case


def _without_repeats(tags: list[str]) -> list[str]:
    """Each tag once, in the spelling that comes first; `Sale` and `SALE` are one tag."""
    found: dict[str, str] = {}
    for tag in tags:
        found.setdefault(fold_case(tag), tag)
    return list(found.values())


Tag = Annotated[NameLine, Field(min_length=1, max_length=50)]
Tags = Annotated[list[Tag], Field(max_length=10), AfterValidator(_without_repeats)]
