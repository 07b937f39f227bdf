"""The list of operations at the side of the explorer and of the reference."""

from collections.abc import Callable
from functools import cache
from html import escape
from itertools import groupby
from typing import Any

from api.pages.catalogue import operations

Operation = dict[str, Any]

# Details are closed at first: a sheet opens them on a desk, so that nothing moves on a telephone.
_SIDE = """\
<div class="sided">
<aside class="side" aria-label="Operations">
<details id="operations-fold"><summary>Operations</summary>
<label class="hidden" for="search">Search operations</label>
<input type="search" id="search" placeholder="Search (press /)" autocomplete="off"
 spellcheck="false" disabled>
<p class="help" id="found" role="status"></p>
<nav id="operations" aria-label="Operations by noun">
{lists}
</nav></details>
</aside>
{content}
</div>
"""


def sided(content: str, link: Callable[[Operation], str]) -> str:
    """``content`` with all operations at its side; ``link`` makes the link of one."""
    lists = "\n".join(_section(noun, found, link) for noun, found in by_noun())
    return _SIDE.format(lists=lists, content=content)


def _section(noun: str, found: list[Operation], link: Callable[[Operation], str]) -> str:
    lines = "".join(_line(one, link(one)) for one in found)
    return f"<section><h2>{title_of(noun)}</h2><ul>{lines}</ul></section>"


def _line(operation: Operation, link: str) -> str:
    words = [operation[name] for name in ("name", "summary", "graphql")]
    words += [*operation["rest"].values(), *operation["permissions"]]
    return f'<li data-words="{escape(" ".join(words))}">{link}</li>'


@cache
def by_name() -> dict[str, Operation]:
    """The operations of the catalogue by their names."""
    return {one["name"]: one for one in operations()}


def by_noun() -> list[tuple[str, list[Operation]]]:
    """The operations of the catalogue by their nouns."""
    grouped = groupby(by_name().values(), key=lambda one: one["name"].split(".")[0])
    return [(noun, list(found)) for noun, found in grouped]


def title_of(noun: str) -> str:
    """A heading made of a noun: `apiKeys` is "API keys" to people."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in noun)
    return words[:1].upper() + words[1:].replace(" api", " API").replace("Api ", "API ")
