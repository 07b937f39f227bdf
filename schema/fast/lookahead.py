"""Look-ahead: the attributes that a document uses of the things that each field finds.

A read then leaves the other attributes out. It also joins the things that a key leads to, so that
one statement reads both.
"""

from collections.abc import Hashable, Iterator

from schema.building.loaders import BatchLoader
from schema.building.types import STRUCTS
from schema.fast.plan import Field, Selection
from services.operation.context import Wanted


class _Used:
    """The attributes used of the things that some fields find together."""

    def __init__(self) -> None:
        self.attributes: set[str] = set()
        #: The attributes that hold a key, and the batch that reads by it.
        self.keys: dict[str, Hashable] = {}
        #: True when the whole things are needed.
        self.whole = False

    def add(self, selection: Selection) -> None:
        """Add the attributes that a selection uses."""
        for field in selection.fields:
            if isinstance(field.loader, BatchLoader):
                self.attributes.add(field.loader.key)
                if field.loader.projects:
                    self.keys[field.loader.key] = field.loader.name
            elif field.attribute is not None:
                self.attributes.add(field.attribute)
            elif field.loader is None and field.nodes[0].name.value != "__typename":
                # An entity tag is computed from the whole thing.
                self.whole = True


def look_ahead(root: Field) -> None:
    """Set ``wanted`` and ``joined`` of every field with a loader.

    Fields of one batch are read together, so they want the same.
    """
    used: dict[Hashable, _Used] = {}
    loading = [field for field in _all_below(root) if field.loader is not None]
    for field in loading:
        things = used.setdefault(_together(field), _Used())
        things.whole |= len(field.below) != 1 or not (field.loader and field.loader.projects)
        for selection in _things(field):
            things.add(selection)
    for field in loading:
        things = used[_together(field)]
        if things.whole:
            continue
        keys = {key: name for key, name in things.keys.items() if not used[name].whole}
        joined = {key: Wanted(frozenset(used[name].attributes)) for key, name in keys.items()}
        field.wanted = Wanted(frozenset(things.attributes), tuple(sorted(joined.items())))
        field.joined = tuple(keys.items())


def _together(field: Field) -> Hashable:
    """The same for fields that are read together."""
    return field.loader.name if isinstance(field.loader, BatchLoader) else field


def _all_below(field: Field) -> Iterator[Field]:
    for selection in field.below.values():
        for one in selection.fields:
            yield one
            yield from _all_below(one)


def _things(field: Field) -> Iterator[Selection]:
    """The selections of the things themselves, inside the connection that holds them."""
    for selection in field.below.values():
        if selection.type.name in STRUCTS:
            yield selection
            continue
        for one in selection.fields:
            if one.loader is None:
                yield from _things(one)
