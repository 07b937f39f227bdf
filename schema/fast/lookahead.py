"""Wants: what a document looks at in the things that each field finds, found out ahead.

Who reads them may then leave the rest out, and bring what a key leads to in the same statement.
"""

from collections.abc import Hashable, Iterator

from schema.building.reads import Batched
from schema.building.types import STRUCTS
from schema.fast.plan import Field, Selection
from services.operation.context import Wanted


class _Looked:
    """What is looked at in the things that some fields find together."""

    def __init__(self) -> None:
        self.fields: set[str] = set()
        #: The batch that a key is read by.
        self.keys: dict[str, Hashable] = {}
        #: Something needs the whole of them.
        self.whole = False

    def look(self, selection: Selection) -> None:
        """Add what a selection looks at."""
        for field in selection.fields:
            if isinstance(field.loader, Batched):
                self.fields.add(field.loader.key)
                if field.loader.parts:
                    self.keys[field.loader.key] = field.loader.name
            elif field.attribute is not None:
                self.fields.add(field.attribute)
            elif field.loader is None and field.nodes[0].name.value != "__typename":
                # A tag is that of the whole.
                self.whole = True


def look_ahead(root: Field) -> None:
    """Tell every field of a plan what is wanted of the things that it finds.

    Fields of one batch want the same, as they are read together.
    """
    looked: dict[Hashable, _Looked] = {}
    doors = [field for field in _all_below(root) if field.loader is not None]
    for field in doors:
        things = looked.setdefault(_together(field), _Looked())
        things.whole |= len(field.below) != 1 or not (field.loader and field.loader.parts)
        for selection in _things(field):
            things.look(selection)
    for field in doors:
        things = looked[_together(field)]
        if things.whole:
            continue
        keys = {key: name for key, name in things.keys.items() if not looked[name].whole}
        joined = {key: Wanted(frozenset(looked[name].fields)) for key, name in keys.items()}
        field.wanted = Wanted(frozenset(things.fields), tuple(sorted(joined.items())))
        field.brought = tuple(keys.items())


def _together(field: Field) -> Hashable:
    return field.loader.name if isinstance(field.loader, Batched) else field


def _all_below(field: Field) -> Iterator[Field]:
    for selection in field.below.values():
        for one in selection.fields:
            yield one
            yield from _all_below(one)


def _things(field: Field) -> Iterator[Selection]:
    """What is selected of the things themselves, past the connection that holds them."""
    for selection in field.below.values():
        if selection.type.name in STRUCTS:
            yield selection
            continue
        for one in selection.fields:
            if one.loader is None:
                yield from _things(one)
