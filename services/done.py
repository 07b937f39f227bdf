"""The answer of operations that have nothing else to say."""

from typing import Annotated

from msgspec import Meta, Struct


class Done(Struct, frozen=True, rename="camel"):
    """Says that something was done where there is nothing else to say."""

    ok: Annotated[bool, Meta(description="Always true.")] = True
