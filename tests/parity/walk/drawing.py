"""Draws calls: which operation, by whom, with which values, how written."""

from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from graphql import GraphQLEnumType, get_named_type

from services.operation.declaration import Key
from tests.parity.walk.answers import Answer
from tests.parity.walk.callers import NOBODY, Caller
from tests.parity.walk.calls import FORMS, Call, is_name, text
from tests.parity.walk.contracts import Contract
from tests.parity.walk.values import Known, Values
from tests.parity.walk.world import World
from tests.shop import new_key

#: Pages that were read last, of each list, to go on from.
_PAGES = 6
#: How often an operation comes, by how often it has gone well.
_WEIGHTS = (8, 4, 4, 1)
_SIZES = (1, 2, 3, 5, 100)
_BAD_CURSORS = ("x", "", "eyJ", "a.b", "%")
#: A size, a cursor, or two styles at once, which a list refuses.
_BAD_PAGING: Sequence[Mapping[str, Any]] = (
    {"first": 0},
    {"first": 101},
    {"last": -1},
    {"page": 0},
    {"perPage": 101},
    {"page": 1_000_001},
    {"first": "x"},
    {"page": 1.5},
    {"first": 10**18},
    {"last": 2**31},
    {"first": 2, "last": 2},
    {"first": 2, "page": 1},
    {"last": 1, "perPage": 2},
)


class Drawing:
    """Draws the calls of a walk from one chance."""

    def __init__(self, world: World, contracts: Mapping[str, Contract], chance: Random) -> None:
        self._world = world
        self._contracts = contracts
        self._chance = chance
        self.known = Known(chance)
        self._values = Values(chance, self.known, world.clock)
        self._successes = dict.fromkeys(contracts, 0)
        self._tags: dict[str, str] = {}
        #: Calls of lists with the cursors that they were answered with.
        self._pages: dict[str, deque[tuple[Call, str, str]]] = {
            name: deque(maxlen=_PAGES) for name in contracts
        }

    async def call(self) -> Call:
        """The next call."""
        contract = self._contracts[self._operation()]
        if contract.listed and self._pages[contract.operation.name] and self._often(0.25):
            return await self._next_page(contract)
        values = self._values.plausible(contract)
        caller = await self._caller(contract, values)
        plain_read = not contract.operation.writes and not contract.under
        spoiled = self._often(0.2 if plain_read else 0.3)
        if spoiled:
            for _ in range(self._chance.choice((1, 1, 2, 3))):
                values = self._values.spoil(contract, values)
        if contract.listed:
            values |= self._paging(spoiled)
            if contract.sorts and self._often(0.25):
                values["sort"] = self._chance.choice(contract.sorts)
        call = Call(contract.operation.name, caller, values, self._chance.choice(FORMS))
        if contract.fields and self._often(0.15):
            few = self._chance.sample(contract.fields, min(3, len(contract.fields)))
            call = call.but(only=tuple(few))
        return fitting(contract, self._conditions(contract, call))

    def learn(self, contract: Contract, call: Call, answers: Mapping[str, Answer]) -> None:
        """Learn from the answers of a call."""
        if any(one.ok for one in answers.values()):
            self._successes[call.operation] += 1
            self._values.went_well(contract, call.values)
        for answer in answers.values():
            if not answer.ok:
                continue
            if contract.file:
                continue
            kind = contract.results[0].__name__
            self.known.learn(answer.value, kind, call.caller.name)
            for name in ("email", "username", "slug"):
                if name in call.values:
                    self.known.note(name, call.values[name], call.caller.name)
            if answer.etag and isinstance(answer.value, dict):
                self._tags[answer.value.get("id", "")] = answer.etag
            if answer.page is not None and answer.page[2] and answer.page[3]:
                pages = self._pages[call.operation]
                pages.append((call, answer.page[2], answer.page[3]))

    def _operation(self) -> str:
        """An operation; those that have rarely gone well come more often."""
        writes = self._often(0.5)
        names = [
            name for name, one in self._contracts.items() if one.operation.writes is writes
        ] or list(self._contracts)
        weights = [_WEIGHTS[min(self._successes[name], len(_WEIGHTS) - 1)] for name in names]
        return self._chance.choices(names, weights)[0]

    async def _caller(self, contract: Contract, values: Mapping[str, Any]) -> Caller:
        people = self._world.people
        drawn = self._chance.random()
        if drawn < 0.05:
            return await people.caller(self._chance.choice(people.bad_names))
        if drawn < 0.1:
            return await people.caller(NOBODY)
        if drawn < (0.34 if contract.under else 0.24):
            return await people.caller(self._key_name(contract))
        able = self._able(contract)
        owners = [name for name in self._shown_to(contract, values) if name in able]
        if owners and not contract.operation.over_all and self._often(0.7):
            # The first person who was shown it mostly made it.
            return await people.caller(owners[0] if self._often(0.7) else owners[-1])
        return await people.caller(self._chance.choice(able if self._often(0.9) else people.names))

    def _shown_to(self, contract: Contract, values: Mapping[str, Any]) -> list[str]:
        """Those who were shown the upload that a call names, or else its thing."""
        shown = self.known.shown_to("Upload.id", values.get("uploadId"))
        return shown or self.known.shown_to(f"{contract.noun}.id", values.get("id"))

    def _key_name(self, contract: Contract) -> str:
        """A key, mostly with a permission that has to do with the operation."""
        names = self._world.people.key_names
        whole = [name for name in names if name.endswith(contract.permissions)]
        nouns = tuple(one.partition(":")[0] for one in contract.permissions)
        part = [name for name in names if any(f"with {noun}:" in name for noun in nouns)]
        few = self._chance.choices((whole, part, names), (5, 2, 3))[0]
        return self._chance.choice(few or names)

    def _able(self, contract: Contract) -> list[str]:
        """The people whose role has the permission."""
        who = contract.operation.who
        names = self._world.people.names
        if who is None:
            return names
        roles = ["USER", "MODERATOR", "MANAGER", "ADMIN"]
        enough = roles[roles.index(who.least) :]
        return [name for name in names if name.partition("-")[0].upper() in enough]

    def _paging(self, spoiled: bool) -> dict[str, Any]:
        pick = self._chance.choice
        counted = {"total": True} if self._often(0.3) else {}
        if spoiled and self._often(0.5):
            cursor = pick((*_BAD_CURSORS, *self._cursors()))
            bad = (*_BAD_PAGING, {"after": cursor}, {"first": 2, "before": cursor})
            return {**pick(bad), **counted}
        style = pick(("none", "first", "last", "number", "number"))
        match style:
            case "first" | "last":
                return {style: pick(_SIZES), **counted}
            case "number":
                return {"page": pick((1, 1, 1, 2)), "perPage": pick(_SIZES), **counted}
        return counted

    def _cursors(self) -> list[str]:
        """Cursors of other lists."""
        return [pages[-1][1] for pages in self._pages.values() if pages]

    async def _next_page(self, contract: Contract) -> Call:
        """Go on from a page that somebody read, on whatever face."""
        before, start, end = self._chance.choice(self._pages[contract.operation.name])
        paging = ("first", "after", "last", "before", "page", "perPage")
        values = {name: item for name, item in before.values.items() if name not in paging}
        size = self._chance.choice(_SIZES)
        if self._often(0.6):
            values |= {"first": size, "after": end}
        else:
            values |= {"last": size, "before": start}
        caller = before.caller.name
        return fitting(
            contract,
            before.but(
                caller=await self._world.people.caller(caller),
                values=values,
                form=self._chance.choice(FORMS),
            ),
        )

    def _conditions(self, contract: Contract, call: Call) -> Call:
        """The key and the tag that a call comes with."""
        if contract.keyed:
            required = contract.operation.key is Key.REQUIRED
            if self._often(0.93 if required else 0.8):
                odd = self._often(0.05)
                key = self._chance.choice(("k" * 256, "", " ", "k")) if odd else new_key()
                call = call.but(key=key, key_as_argument=self._often(0.5))
        elif self._often(0.05):
            call = call.but(key=new_key())
        if contract.operation.conditional and self._often(0.3):
            known = self._tags.get(str(call.values.get("id")))
            other = self._chance.choice(("nonsense", *list(self._tags.values())[-3:]))
            call = call.but(if_match=known if known and self._often(0.7) else other)
        return call

    def _often(self, share: float) -> bool:
        return self._chance.random() < share


def fitting(contract: Contract, call: Call) -> Call:
    """The call as both faces can make it.

    An address has no empty segment. A query string holds text alone, and GraphQL's arguments have
    the types that the text stands for.
    """
    values = dict(call.values)
    if "{id}" in contract.path and values.get("id") in (None, "", ".", ".."):
        values["id"] = "nonsense"
    if contract.by_query:
        values = {
            name: _as_text_says(contract, name, value)
            for name, value in values.items()
            if value is not None and (is_name(name) or name == "total")
        }
    elif contract.input_type is None:
        values = {name: value for name, value in values.items() if is_name(name)}
    return call.but(values=values)


def _as_text_says(contract: Contract, name: str, value: Any) -> Any:
    """A value whose text in a query string means the same as itself in a GraphQL argument."""
    if name == "total":
        return value
    argument = contract.field.args.get(name)
    kind = argument and get_named_type(argument.type)
    written = text(value)
    if kind is not None and not isinstance(kind, GraphQLEnumType):
        if kind.name == "Int":
            try:
                return int(written) if not isinstance(value, bool) else value
            except ValueError:
                return value if not isinstance(value, list | dict) else written
        if kind.name == "Boolean":
            return {"true": True, "false": False}.get(written, value)
    return written
