"""A round: one call made on all faces at one state, and what differs between the answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from tests.parity.walk.answers import Answer, as_v1_pages, read, shape, shown
from tests.parity.walk.calls import FACES, Call, Sent, node_of, written
from tests.parity.walk.contracts import Contract
from tests.parity.walk.world import Seen, World
from tests.shop import new_key

_LIMITED = "RATE_LIMITED"


@dataclass(frozen=True)
class Difference:
    """One thing that should be the same on every face, and its value on each."""

    about: str
    found: Mapping[str, Any]

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.about} differs:",
                *(f"  {face}: {shown(it)}" for face, it in self.found.items()),
            ]
        )


@dataclass(frozen=True)
class Round:
    """A call, the answers of all faces in the order of asking, and the differences."""

    call: Call
    contract: Contract
    sent: Mapping[str, Sent]
    answers: Mapping[str, Answer]
    differences: tuple[Difference, ...]

    @property
    def wrote(self) -> bool:
        """Did some face write?"""
        return self.contract.operation.writes and any(one.ok for one in self.answers.values())

    def __str__(self) -> str:
        lines = [f"{self.call.operation} by {self.call.caller}"]
        lines += [str(one) for one in self.differences]
        for face, sent in self.sent.items():
            response = self.answers[face].response
            lines += [
                "",
                f"{face}: {sent.by(self.call.caller)}",
                f"→ {response.status_code} {_body(response)}",
            ]
        return "\n".join(lines)


def _body(response: httpx.Response) -> str:
    media = response.headers.get("content-type", "")
    return shown(response.text if "json" in media else response.content)


class Known(NamedTuple):
    """A kind of difference that is known, the reason for it, and how it is told from others."""

    kind: str
    reason: str
    fits: Callable[[Round, Difference], bool]


async def ask(world: World, sent: Sent) -> httpx.Response:
    """Send a request."""
    return await world.client.request(
        sent.method,
        sent.url,
        headers=dict(sent.headers),
        content=None if sent.body is None else sent.body.encode(),
    )


async def play(
    world: World, contract: Contract, call: Call, order: tuple[str, ...] = FACES
) -> Round:
    """Make a call on every face, and compare.

    A call with a key has one effect: the first face makes it, the others replay it. A call without
    one may have an effect on each face. A refused call has none, so the next face must refuse too.
    """
    await world.settle()
    sent, answers = {}, {}
    for face in order:
        sent[face] = written(contract, call, face)
        response = await ask(world, sent[face])
        charged = await world.charges()
        answer = await _whole(world, contract, read(contract, face, response))
        answers[face] = Answer(**{**vars(answer), "charged": charged})
    seen = await world.look()
    found = [
        *_of_answers(contract, call, answers),
        *_of_replays(contract, call, answers),
        *_of_effects(contract, answers, seen),
        *await _of_node(world, contract, call, answers),
    ]
    return Round(call, contract, sent, answers, tuple(found))


async def _whole(world: World, contract: Contract, answer: Answer) -> Answer:
    """The answer with the file itself where GraphQL answers with its signed address."""
    if contract.file and answer.ok and isinstance(answer.value, str):
        address = httpx.URL(answer.value)
        fetched = await world.client.get(address.raw_path.decode())
        await world.charges()
        return Answer(**{**vars(answer), "value": fetched.content})
    return answer


def _differing(about: str, found: Mapping[str, Any]) -> list[Difference]:
    first, *others = found.values()
    return [Difference(about, found)] if any(one != first for one in others) else []


def _of_answers(contract: Contract, call: Call, answers: Mapping[str, Answer]) -> list[Difference]:
    op = contract.operation
    compared, differences = dict(answers), list[Difference]()
    if op.writes and not any(one.replayed for one in answers.values()):
        compared, differences = _after_the_effect(answers)
    differences += _differing("charge", {face: one.charged for face, one in compared.items()})
    first = next(iter(compared.values()))
    codes = _differing("code", {face: one.code for face, one in compared.items()})
    if codes:
        return differences + codes
    for about in ("status", "fields"):
        differences += _differing(
            about, {face: getattr(one, about) for face, one in compared.items()}
        )
    if not first.ok:
        differences += _differing("details", {face: one.details for face, one in compared.items()})
        return differences
    again = op.writes and len(compared) > 1 and not any(one.replayed for one in compared.values())
    differences += _differing(
        "value", {face: shape(one.value) if again else one.value for face, one in compared.items()}
    )
    if not again and not contract.file:
        tags = {
            face: one.etag for face, one in compared.items() if not call.only or face != "graphql"
        }
        if any(tags.values()):
            differences += _differing("etag", tags)
    pages = {face: one.page for face, one in compared.items() if one.page is not None}
    return differences + (_of_pages(call, pages) if pages else [])


def _of_replays(contract: Contract, call: Call, answers: Mapping[str, Answer]) -> list[Difference]:
    """One key has one effect: whoever asks after the first face gets its answer again."""
    if not contract.keyed or call.key is None:
        return []
    _, *later = answers.items()
    differences = _differing("replay", {face: one.replayed for face, one in later})
    again = {face: one.code for face, one in later if one.ok and not one.replayed}
    return [*differences, *([Difference("effects of one key", again)] if again else [])]


def _of_pages(call: Call, pages: Mapping[str, tuple[Any, ...]]) -> list[Difference]:
    """Pages as the poorest dialect tells of them: v1 has only cursors that lead somewhere."""
    counted = call.values.get("total") is True
    exact = {face: one for face, one in pages.items() if face != "v1"}
    alike = {face: as_v1_pages(one) for face, one in pages.items()}
    if not counted:
        exact = {face: one[:4] for face, one in exact.items()}
        alike = {face: one[:4] for face, one in alike.items()}
    return [*_differing("page", exact), *_differing("page of v1", alike)]


def _after_the_effect(
    answers: Mapping[str, Answer],
) -> tuple[dict[str, Answer], list[Difference]]:
    """The answers that were given at one state, when each call could have an effect.

    A refused call leaves the state as it was. So after a refusal no later call may go well, and
    answers after an effect are compared with each other alone.
    """
    compared: dict[str, Answer] = {}
    refused: str | None = None
    for face, one in answers.items():
        if one.ok and refused is not None:
            return compared, [Difference("code", {face: one.code for face, one in answers.items()})]
        if one.ok:
            compared = (
                {**compared, face: one} if all(c.ok for c in compared.values()) else {face: one}
            )
        else:
            compared = (
                {face: one} if any(c.ok for c in compared.values()) else {**compared, face: one}
            )
            refused = face
    return compared, []


def _of_effects(contract: Contract, answers: Mapping[str, Answer], seen: Seen) -> list[Difference]:
    """Compare the changes and audit rows of the requests, found by their ids."""
    ids = {one.response.headers["x-request-id"]: face for face, one in answers.items()}
    rows: dict[str, Any] = {face: [] for face in answers}
    transactions = {}
    # A second write of the same values may change nothing.
    again = sum(one.ok and not one.replayed for one in answers.values()) > 1
    for row in seen.audit:
        face = ids.get(row["request_id"])
        if face is None:  # somebody was made for the walk at this moment
            continue
        transactions[row["number"]] = face
        kept = ["action", "actor_id", "api_key_id", "outcome"]
        if not _effect(answers[face]):
            kept += ["entity"] if again else ["entity", "changed"]
        rows[face].append({name: row[name] for name in kept})
    changed: dict[str, set[str]] = {face: set() for face in answers}
    for change in seen.changes:
        changed.setdefault(transactions.get(change["number"], "no audit"), set()).add(
            change["relation"]
        )
    differences = []
    allowed = {face for face, one in answers.items() if one.ok and not one.replayed}
    bad = {
        face: sorted(tables)
        for face, tables in changed.items()
        if tables and face not in allowed and not _effect(answers.get(face))
    }
    if bad:
        differences.append(Difference("what a refused call changed", bad))
    grouped: dict[str, dict[str, Any]] = {}
    for face, one in answers.items():
        if one.replayed:
            if rows[face]:
                differences.append(Difference("audit of a replay", {face: rows[face]}))
        else:
            grouped.setdefault(one.code, {})[face] = rows[face]
    for found in grouped.values():
        differences += _differing("audit", found)
    for face, one in answers.items():
        for row in rows[face]:
            if row["outcome"] != one.code or row["action"] != contract.operation.name:
                differences.append(Difference("audit", {face: [row, one.code]}))
    return differences


def _effect(answer: Answer | None) -> bool:
    """Does the refusal have a security effect? A spent refresh token ends its family."""
    return answer is not None and answer.code == "REFRESH_TOKEN_INVALID"


async def _of_node(
    world: World, contract: Contract, call: Call, answers: Mapping[str, Answer]
) -> list[Difference]:
    """``node`` must show what the get shows, and nothing that it hides."""
    sent = node_of(contract, call)
    extra = call.values.keys() - {"id"}
    if sent is None or extra or call.only:
        return []
    got = answers["v2"]
    response = await ask(world, sent)
    world.settled = False
    body = response.json()
    if "errors" in body:
        found: Any = body["errors"][0]["extensions"]["code"]
    else:
        found = body["data"]["node"]
        if found:
            found.pop("etag", None)
    refused_whole = got.status == 401 and call.caller.headers
    expected = got.value if got.ok else got.code if refused_whole else None
    return _differing("node", {"v2": expected, "node": found or None})


async def play_spent(world: World, before: Round, budget: str, left: int) -> Round:
    """Make a call once more when a budget of its is nearly spent: it must be refused alike.

    After the wait that the refusal names, the same call must not be refused for the budget.
    """
    contract = before.contract
    units = min(one.charged.get(budget, left + 1) for one in before.answers.values())
    call = before.call
    sent, answers, waits, broken = {}, {}, {}, {}
    for face in FACES:
        # Each wait moves the clock, and a token must not expire by that.
        call = call.but(caller=await world.people.caller(call.caller.name))
        call = call.but(key=call.key and new_key())
        await world.leave(budget, min(left, units - 1))
        sent[face] = written(contract, call, face)
        response = await ask(world, sent[face])
        answers[face] = read(contract, face, response)
        waits[face] = response.headers.get("retry-after")
        if answers[face].code == _LIMITED:
            told = int(waits[face] or answers[face].details["retryAfterSeconds"])
            world.clock.forward(seconds=told)
            call = call.but(caller=await world.people.caller(call.caller.name))
            again = await ask(world, written(contract, call, face))
            if read(contract, face, again).code == _LIMITED:
                broken[face] = f"refused again after {told} s"
            if contract.operation.revokes:
                # The call may have ended its caller's session.
                await world.people.refresh()
    world.settled = False
    found = [
        *_differing("code when spent", {face: one.code for face, one in answers.items()}),
        *_differing("details when spent", {face: one.details for face, one in answers.items()}),
        *_differing("Retry-After", waits),
        *([Difference("Retry-After holds", broken)] if broken else []),
    ]
    return Round(call, contract, sent, answers, tuple(found))
