"""Takes the examples of the reference from calls of both faces.

Ids, times and names differ from call to call; an example has plain ones in their place.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from graphql import parse, print_ast

from services.operation.operation import Operation
from tests.exchanges import last_response
from tests.faces import DOCUMENTS, Door, Service, door_named
from tests.servers import CHECKOUT
from tests.shop import Person, Shop, good_call

EXAMPLES = CHECKOUT / "api" / "pages" / "reference" / "examples.json"

#: Headers that an example shows, of the request and of the answer.
_SENT = ("idempotency-key", "if-match")
_GOT = ("location", "etag", "idempotent-replayed")
#: An example shows so many of a list's things.
_MOST = 2
_LONGEST = 40

# A name is what `tests.shop.unique` makes: a word, a count and ten hex digits.
_OWN = re.compile(
    r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|test-[0-9a-f]+)"
    r"|(?P<time>20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)"
    r"|(?P<before>.?)(?P<name>\d+[0-9a-f]{10}\b)"
)
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
#: Operations that end what later calls need: a person of their own makes each.
_ALONE = ("auth.", "sessions.", "users.")

People = dict[str | None, Person]


async def example_of(
    operation: Operation[Any, Any], shop: Shop, client: httpx.AsyncClient, people: People
) -> Any:
    """A good call of an operation on both faces, by somebody who just may.

    ``people`` are kept from call to call, so that their lists are not empty.
    """
    found = {}
    for face, written in (("v2", _rest), ("graphql", _graphql)):
        rank = operation.who.least if operation.who else None
        person = await _person(operation.name, rank, shop, people)
        values, key = await good_call(shop, operation.name, person)
        if operation.name.startswith("comments.") and operation.paged:
            await _comment(shop, operation.name, values["id"], person)
        if DOCUMENTS[operation.name].listed:
            values = {**values, "first": _MOST}
        door = door_named(face, shop, client)
        caller = person if rank else None
        await shop.process.sequencer.run()
        outcome = await door.call(operation.name, values, caller=caller, key=key)
        assert outcome.error is None, (operation.name, outcome.error)
        example = written(last_response())
        if operation.streams:
            heard = await _heard(face, door, person)
            whole = example["answer"] if face == "v2" else example
            whole["body" if face == "v2" else "answer"] += heard
        found["rest" if face == "v2" else face] = example
    return found


async def _comment(shop: Shop, operation: str, thing: str, person: Person) -> None:
    """Say something about a post or a comment, so that its list is not empty."""
    service = Service(shop)
    values = {"id": thing, "content": "Well said."}
    if operation == "comments.replies":
        comment = (await service.call("comments.get", {"id": thing}, caller=person)).ok
        values = {**values, "id": comment["postId"], "parentId": thing}
    assert (await service.call("comments.create", values, caller=person)).error is None


async def _heard(face: str, door: Door, person: Person) -> str:
    """What a stream tells next. Clients of tests leave a stream at once, so the log is read."""
    asked = {"types": ["project.created"], "last": 1}
    [event] = (await door.call("events.list", asked, caller=person)).ok
    event = {**event, "cursor": f"{event['cursor'][:4]}…"}
    if face == "v2":
        text = f"\nid: {event['cursor']}\ndata: {json.dumps(event, ensure_ascii=False)}"
    else:
        told = {"data": {"events": event}}
        text = f"\n\nevent: next\ndata: {json.dumps(told, ensure_ascii=False)}"
    return _plainer()(text)


async def _person(operation: str, rank: str | None, shop: Shop, people: People) -> Person:
    # An account with money cannot be deleted.
    balance = None if operation == "users.deleteMe" else "1000.00"
    if operation.startswith(_ALONE):
        return await shop.person(rank or "USER", balance=balance)
    if rank not in people:
        people[rank] = await shop.person(rank or "USER", balance=balance)
    return people[rank]


def _rest(response: httpx.Response) -> dict[str, Any]:
    request, plain = response.request, _plainer()
    sent = partial(plain, keeps_times=True)
    kind = response.headers.get("content-type", "").split(";")[0]
    answer: Any = f"({kind})" if response.content else None
    if kind == "application/json":
        answer = response.json()
    elif kind.startswith("text/") or kind == "application/x-ndjson":
        answer = "\n".join(plain(line) for line in response.text.splitlines()[:_MOST])
    return {
        "request": {
            "method": request.method,
            "path": plain(request.url.raw_path.decode()),
            "signedIn": "authorization" in request.headers,
            "headers": _headers(plain, request.headers, _SENT),
            "body": _short(sent, json.loads(request.content) if request.content else None),
        },
        "answer": {
            "status": response.status_code,
            "body": _short(plain, answer),
            "headers": _headers(plain, response.headers, _GOT),
        },
    }


def _graphql(response: httpx.Response) -> dict[str, Any]:
    plain = _plainer()
    asked = json.loads(response.request.content)
    streamed = response.headers["content-type"].startswith("text/")
    answer = response.text.splitlines()[0] if streamed else response.json()
    return {
        "query": print_ast(parse(asked["query"])),
        "variables": _short(partial(plain, keeps_times=True), asked["variables"]),
        "signedIn": "authorization" in response.request.headers,
        "answer": _short(plain, answer),
    }


def _headers(
    plain: Callable[[str], str], headers: httpx.Headers, shown: tuple[str, ...]
) -> dict[str, str]:
    titles = {"etag": "ETag"}
    return {
        titles.get(name, name.title()): plain(headers[name]) for name in shown if name in headers
    }


def _plainer() -> Callable[..., str]:
    """A function that makes texts plain; the same id becomes the same id.

    A call keeps its times, whose order may matter.
    """
    ids: dict[str, str] = {}
    names: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        if found["id"]:
            number = len(ids) + 1
            return ids.setdefault(found["id"], f"019e5a3c-7d10-7000-8000-{number:012x}")
        if found["time"]:
            return "2026-11-29T09:30:00.000000Z"
        number = len(names) + 1
        named = names.setdefault(found["name"], str(number))
        return found["before"] + ("" if named == "1" and found["before"] not in "- " else named)

    def plain(text: str, *, keeps_times: bool = False) -> str:
        if not (keeps_times and _TIME.fullmatch(text)):
            text = _OWN.sub(renamed, text)
        if len(text) > _LONGEST and re.fullmatch(r"[\w.=-]+", text):
            return f"{text[:24]}…"
        return text

    return plain


def _short(plain: Callable[[str], str], value: Any) -> Any:
    match value:
        case str():
            return plain(value)
        case list():
            return [_short(plain, item) for item in value[:_MOST]]
        case dict():
            return {name: _short(plain, item) for name, item in value.items()}
        case _:
            return value


def fits(old: Any, new: Any) -> bool:
    """Does an old example say what a new call says?

    Null and empty lists say nothing of a type. The payload of an event has the fields of its type.
    """
    if old is None or new is None or old == [] or new == []:
        return True
    if isinstance(old, dict) and isinstance(new, dict):
        other = {"data"} if old.get("type") != new.get("type") else set()
        return old.keys() == new.keys() and all(
            fits(old[name], new[name]) for name in {*old} - other
        )
    if isinstance(old, list) and isinstance(new, list):
        return fits(old[0], new[0])
    return type(old) is type(new)


def written(path: Path = EXAMPLES) -> dict[str, Any]:
    """The committed examples by operation."""
    return json.loads(path.read_text()) if path.exists() else {}
