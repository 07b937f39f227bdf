"""The explorer's comparison of streams, in a real browser."""

import asyncio
import json
from typing import Any

import pytest

from tests.pages.conftest import Open
from tests.pages.looking import Look
from tests.pages.test_explorer import address, answer, shown, signed_in, verdict
from tests.shop import Person, Shop

pytestmark = pytest.mark.thorough

_PATIENT = """(() => {
  const wait = setTimeout;
  window.setTimeout = (call, millis) => wait(call, millis === 5_000 ? 600_000 : millis);
})()"""


async def patient(look: Look) -> None:
    """Let the page hear streams until they have told enough, however slow the machine is."""
    await look.page.add_init_script(_PATIENT)


async def test_both_faces_tell_what_the_log_has_after_a_cursor(
    open_page: Open, shop: Shop, user: Person
) -> None:
    after = await shop.end_of_log()
    made = [(await shop.project(user)).id for _ in range(3)]
    look = await open_page("/health")
    await signed_in(look, user)
    await patient(look)
    page = await shown(look, address("events.stream", {"after": after}))
    assert await verdict(page) == "equal"
    await look.shows("3 items compared")
    rest = await answer(page, "rest")
    assert [event["subject"] for event in rest] == made
    assert await answer(page, "graphql") == [{"data": {"events": event}} for event in rest]
    await look.check()


async def test_both_faces_tell_what_happens_meanwhile(
    open_page: Open, shop: Shop, user: Person
) -> None:
    await shop.end_of_log()  # or the streams would hear of earlier tests
    look = await open_page("/health")
    await signed_in(look, user)
    await patient(look)
    page = await shown(look, address("events.stream", {}))
    await look.shows("both faces are heard for 5 seconds or 3 events at most")
    has_begun = asyncio.Event()

    async def hold(route: Any) -> None:
        await has_begun.wait()
        await route.continue_()

    await page.route("**/graphql", hold)
    async with page.expect_response("**/graphql"):
        async with page.expect_response("**/api/v2/events"):
            running = asyncio.create_task(verdict(page))
        # The other stream begins later, and need not tell this one.
        made = [(await shop.project(user)).id]
        has_begun.set()
    made += [(await shop.project(user)).id for _ in range(3)]
    assert await running == "equal"
    rest, graphql = await answer(page, "rest"), await answer(page, "graphql")
    subjects = [event["subject"] for event in rest]
    others = [piece["data"]["events"]["subject"] for piece in graphql]
    assert subjects == made[:3]
    assert others in (made[:3], made[1:])
    await look.shows(f"{len({*subjects} & {*others})} items compared")


async def test_streams_differ_where_an_event_does(
    open_page: Open, shop: Shop, user: Person
) -> None:
    after = await shop.end_of_log()
    for _ in range(3):
        await shop.project(user)
    look = await open_page("/health")
    await signed_in(look, user)
    await patient(look)
    page = await shown(look, address("events.stream", {"after": after}))
    assert await verdict(page) == "equal"
    planted = await answer(page, "graphql")
    event = planted[0]["data"]["events"]
    # Two reads may differ in the time of their call; two streams may not.
    event["at"] = event["at"].replace("Z", "0Z" if "." in event["at"] else ".5Z")

    async def change(route: Any) -> None:
        # A stream cannot be changed on its way, so the whole of it is planted.
        pieces = [f"event: next\ndata: {json.dumps(piece)}\n\n" for piece in planted]
        body = "".join([*pieces, "event: complete\ndata:\n\n"])
        await route.fulfill(body=body, headers={"content-type": "text/event-stream"})

    await look.page.route("**/graphql", change)
    says = await verdict(page)
    assert "The faces differ in 1 place" in says
    assert "items[0].at" in says
