"""The answer of operations that have no other result."""

from typing import Annotated

from msgspec import Meta, Struct


class Done(Struct, frozen=True, rename="camel"):
    """The answer of an operation that has no other result."""

    ok: Annotated[bool, Meta(description="Always true.")] = True
