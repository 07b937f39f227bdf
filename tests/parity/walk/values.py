"""Values for calls: plausible ones by the input's schema and by what was answered, and bad ones.

A value is plausible when an answer showed it under the same name. So ids are real, codes exist and
addresses belong to accounts, without a word here about any operation.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from services.ids import NOWHERE
from tests.parity.walk.contracts import Contract
from tests.parity.walk.world import Standing
from tests.shop import PASSWORD, unique

#: Values of a name that are remembered, and how many of the newest are drawn from mostly.
_MOST_KNOWN = 60
_NEWEST = 6
#: Names whose values are known under another name.
_ALIASES = {
    "action": "name",
    "category": "slug",
    "expected": "stock",
    "expectedRefunded": "refunded",
    "search": "word",
    "tag": "tags",
}
_AMOUNTS = ("0.01", "0.50", "3.33", "5.00", "10", "19.99", "60.00", "149.95")
_WORDS = ("Lamp", "blue", "Ada", "tandem", "Shelf", "a word", "naïve café", "茶碗")
_ODD_TEXTS = (
    *(
        "",
        " ",
        "  x  ",
        "a" * 300,
        "a" * 10_001,
        "<b>&amp;</b>",
        "'; DROP TABLE users; --",
        "%",
        "_",
    ),
    *(
        "👩\u200d👩\u200d👧",
        "e\u0301",
        "\u202eabc",
        "\u200b",
        "a\u0000b",
        "\ud800",
        "a\nb",
        "null",
        "0",
        "-1",
    ),
)
_INTEGERS = (
    0,
    -1,
    1,
    100,
    101,
    10_000,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**53,
    10**17,
    10**18,
    10**30,
)
_WRONG_TYPES = (5, "x", [], {}, True, 1.5, ["x"], {"a": 1}, [[]])
#: Names that no input has.
UNKNOWN_NAMES = ("nope", "Id", "__typename", "constructor", "a-b", "", "a.b", "é")
_BAD_IDS = ("nonsense", NOWHERE, "5", "é", "019abcde-0000-7000-8000-00000000000G", "a b")


class Known:
    """The values that answers have shown, by name; ids by the kind of thing as well."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        #: Each value with those who were shown it.
        self._values: dict[str, dict[Any, dict[str, None]]] = {}

    def note(self, name: str, value: Any, who: str = "") -> None:
        """Remember a value; the newest is the last one."""
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            values = self._values.setdefault(name, {})
            seen = values.pop(value, {})
            values[value] = {**seen, who: None}
            if len(values) > _MOST_KNOWN:
                del values[next(iter(values))]

    def learn(self, value: Any, kind: str, who: str) -> None:
        """Remember all values of an answer."""
        if isinstance(value, list):
            for item in value:
                self.learn(item, kind, who)
            return
        if not isinstance(value, dict):
            self.note(kind, value, who)
            return
        for name, item in value.items():
            if name == "id":
                self.note(f"{kind}.id", item, who)
            elif isinstance(item, dict | list):
                self.learn(item, _kind_of(name) if isinstance(item, dict) else name, who)
            else:
                self.note(name, item, who)
                if name == "name" and isinstance(item, str):
                    self.note("word", item.split(" ")[0], who)

    def shown_to(self, name: str, value: Any) -> list[str]:
        """Those who were shown a value."""
        return [who for who in self._values.get(name, {}).get(value, ()) if who]

    def some(self, names: Iterable[str]) -> Any:
        """Some known value of the first of these names that has any, mostly a new one."""
        for name in names:
            if values := list(self._values.get(name, ())):
                few = values[-_NEWEST:] if self._chance.random() < 0.7 else values
                return self._chance.choice(few)
        return None


def _kind_of(name: str) -> str:
    return name[:1].upper() + name[1:]


def _names(name: str) -> list[str]:
    """The names under which a plausible value may be known."""
    last_word = re.sub(".*?([A-Z][a-z]*)$", r"\1", name)
    found = [name]
    if last_word == "Id":
        found.append(f"{_kind_of(name.removesuffix('Id'))}.id")
    elif last_word != name:
        found.append(last_word.lower())
    return [*found, *([_ALIASES[name]] if name in _ALIASES else [])]


class Values:
    """Draws the values of an operation's input."""

    def __init__(self, chance: Random, known: Known, clock: Standing) -> None:
        self._chance = chance
        self._known = known
        self._clock = clock
        #: The names that went well together, by operation: many inputs take only some of them.
        self._together: dict[str, list[tuple[str, ...]]] = {}

    def went_well(self, contract: Contract, values: Mapping[str, Any]) -> None:
        """Remember which names went well together."""
        names = tuple(sorted(values.keys() - {"id"}))
        known = self._together.setdefault(contract.operation.name, [])
        if names and names not in known:
            known.append(names)

    def plausible(self, contract: Contract) -> dict[str, Any]:
        """Values that may well be right, paging left out."""
        schema = contract.schema
        values: dict[str, Any] = {}
        if "{id}" in contract.path:
            values["id"] = self._known.some([f"{contract.noun}.id"]) or NOWHERE
        paging = _PAGING if contract.listed else ()
        rest = {
            name: shape
            for name, shape in schema.get("properties", {}).items()
            if name != "id" and name not in paging
        }
        creates = contract.creates
        together = self._together.get(contract.operation.name)
        if together and contract.operation.writes and self._chance.random() < 0.5:
            names = self._chance.choice(together)
            few = {name: rest[name] for name in names if name in rest}
            return values | self._object(schema, few, creates, 1)
        optional = 0.05 if contract.by_query else 0.2
        values.update(self._object(schema, rest, creates, optional))
        needs_some = "minProperties" in schema or contract.operation.writes
        if needs_some and values.keys() <= {"id"} and rest and self._chance.random() < 0.8:
            name = self._chance.choice(list(rest))
            values[name] = self.value(schema, name, rest[name], creates)
        return values

    def _object(
        self, schema: Any, properties: Mapping[str, Any], creates: bool, optional: float
    ) -> dict[str, Any]:
        required = schema.get("required", [])
        chosen = [
            name for name in properties if name in required or self._chance.random() < optional
        ]
        return {name: self.value(schema, name, properties[name], creates) for name in chosen}

    def value(self, schema: Any, name: str, shape: Any, creates: bool) -> Any:
        """A plausible value of one field."""
        pick = self._chance.choice
        if "$ref" in shape:
            target = schema["$defs"][shape["$ref"].rpartition("/")[2]]
            whole = {**target, "$defs": schema["$defs"]}
            if "properties" in target:
                return self._object(whole, target["properties"], creates, 0.4)
            return self.value(whole, name, target, creates)
        options = [one for one in shape.get("anyOf", []) if one.get("type") != "null"]
        if options:
            return self.value(schema, name, {**shape, "anyOf": [], **options[0]}, creates)
        if "enum" in shape or "const" in shape:
            return pick(shape.get("enum") or [shape["const"]])
        match shape.get("type"):
            case "array":
                # A thing may be named once, so there are few of them.
                return [
                    self.value(schema, name.removesuffix("s"), shape["items"], creates)
                    for _ in range(pick((1, 1, 1, 2)))
                ]
            case "boolean":
                return pick((True, False))
            case "integer":
                known = self._known.some(_names(name)) if pick((True, False)) else None
                if isinstance(known, int):
                    return known
                lowest = shape.get("minimum", 1)
                return pick((1, 1, 2, 4, 9)) if lowest < 1 else lowest + pick((0, 1, 1, 2, 4))
            case "object":
                return pick(
                    ({}, {"colour": "red"}, {"size": {"cm": 12, "tall": None}, "kinds": [1]})
                )
            case _:
                return self._text(name, shape, creates)

    def _text(self, name: str, shape: Any, creates: bool) -> Any:
        pick, chance = self._chance.choice, self._chance.random
        if "assword" in name:
            return PASSWORD if chance() < 0.9 else "wrong-password-1"
        if shape.get("format") == "date-time":
            days = timedelta(days=pick((-400, -30, -1, 1, 30, 200)))
            return (self._clock.now + days).strftime("%Y-%m-%dT%H:%M:%SZ")
        if shape.get("format") == "date":
            days = timedelta(days=pick((-30, -1, 0, 1, 30, 400)))
            return (self._clock.now + days).date().isoformat()
        if "pattern" in shape and re.fullmatch(shape["pattern"], "19.99"):
            known = self._known.some(_names(name)) if chance() < 0.3 else None
            return known or pick(_AMOUNTS)
        known = self._known.some(_names(name))
        # Names and codes are taken by one thing each, so that what is made takes new ones.
        fresh = creates and name != "token" and not name.endswith("Token")
        if known is not None and (not fresh or name.endswith("Id") or chance() < 0.3):
            return known
        if name.endswith("Id"):
            return NOWHERE
        return self._new_text(name, shape)

    def _new_text(self, name: str, shape: Any) -> str:
        pick = self._chance.choice
        if shape.get("format") == "email" or shape.get("x-text") == "email":
            return f"{unique('ada')}@example.com"
        if shape.get("x-text") == "url":
            return f"https://example.com/{unique('picture-')}.png"
        pattern = shape.get("pattern")
        candidates = [
            *(unique("u"), unique("ada-"), unique("C").upper(), f"{pick(_WORDS)} {unique('n')}"),
            *(str(one) for one in shape.get("examples", ())),
        ]
        longest = shape.get("maxLength", 10_000)
        fitting = [
            one
            for one in candidates
            if len(one) <= longest and (pattern is None or re.search(pattern, one))
        ]
        return pick(fitting or candidates)

    def spoil(self, contract: Contract, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same values with a mistake, as a slightly wrong client sends them."""
        spoiled = dict(values)
        addressed = {"id"} if "{id}" in contract.path else set()
        declared = [
            name
            for name in contract.schema.get("properties", {})
            if name not in {"total", *addressed}
        ]
        kinds = ["unknown", "type", "null", "odd", "bound", "missing"]
        if "{id}" in contract.path:
            kinds += ["id"]
        kind = self._chance.choice(kinds)
        pick = self._chance.choice
        if kind == "id":
            spoiled["id"] = pick((*_BAD_IDS, str(values["id"]).upper()))
        elif kind == "unknown":
            where = self._somewhere(spoiled) if pick((True, False)) else spoiled
            where[pick(UNKNOWN_NAMES)] = pick((1, "x", None))
        elif kind == "missing" and spoiled.keys() - addressed:
            del spoiled[pick(sorted(spoiled.keys() - addressed))]
        elif declared:
            bad = {
                "type": _WRONG_TYPES,
                "null": (None,),
                "odd": _ODD_TEXTS,
                "bound": _INTEGERS,
            }.get(kind, _WRONG_TYPES)
            where = self._somewhere(spoiled)
            names = list(where) if where is not spoiled else declared
            if names:
                where[pick(names)] = pick(bad)
        return spoiled

    def _somewhere(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values, or mostly an object within them, copied on the way to it."""
        inner = [
            name
            for name, item in values.items()
            if isinstance(item, dict) or (isinstance(item, list) and item)
        ]
        if not inner or self._chance.random() < 0.3:
            return values
        name = self._chance.choice(inner)
        item = values[name]
        if isinstance(item, dict):
            values[name] = dict(item)
            return self._somewhere(values[name])
        values[name] = list(item)
        place = self._chance.randrange(len(item))
        if not isinstance(item[place], dict):
            return values
        values[name][place] = dict(item[place])
        return self._somewhere(values[name][place])


_PAGING = ("first", "after", "last", "before", "page", "perPage", "total", "sort")
