"""The operators' page: its figures are those of the shop, and its actions are operations."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, expect

from services.settings.settings import Settings
from tests.gates import Gate
from tests.http.test_pages import NOWHERE_REDIS
from tests.pages.conftest import Open
from tests.pages.looking import LONGEST, Look
from tests.pages.test_explorer import REFUSED, signed_in
from tests.servers import Server, beside, serving
from tests.shop import Person, Shop, unique
from tests.streams import listening


async def opened(open_page: Open, person: Person, **more: Any) -> Look:
    """The page as somebody sees it, drawn."""
    look = await open_page("/health", **more)
    await signed_in(look, person)
    await look.go("/ops")
    await look.page.wait_for_selector("body[data-ready]")
    return look


def counted(server: Server, operation: str, **labels: str) -> float:
    """A server's calls of an operation, as its metrics tell them."""
    found = 0.0
    for line in httpx.get(f"{server.url}/metrics", timeout=LONGEST).text.splitlines():
        wanted = [f'operation="{operation}"', *(f'{key}="{one}"' for key, one in labels.items())]
        if line.startswith("tandem_operations_total{") and all(one in line for one in wanted):
            found += float(line.split()[-1])
    return found


@pytest.mark.thorough
async def test_an_admin_tries_a_failed_job_again_and_discards_another(
    open_page: Open, shop: Shop, admin: Person
) -> None:
    again, away = await shop.failed_job("tests.again"), await shop.failed_job("tests.away")
    look = await opened(open_page, admin)
    page = look.page
    for id, action, says in (
        (again, "Retry", "tests.again is queued again."),
        (away, "Discard", "tests.away is discarded."),
    ):
        line = page.locator(f"[data-job='{id}']")
        await line.get_by_role("button", name=action).click()
        await expect(page.locator("#queue [role=status]")).to_have_text(says)
        await expect(line).to_have_count(0)
    left = await shop.rows(
        "SELECT dedupe_key, status FROM jobs WHERE dedupe_key = ANY($1)", [again, away]
    )
    assert [(row["dedupe_key"], row["status"]) for row in left] == [(again, "queued")]
    audits = await shop.audits(admin)
    assert sorted(audits) == [("jobs.discard", "OK"), ("jobs.retry", "OK")]


@pytest.mark.thorough
async def test_the_figures_are_those_of_the_metrics(
    open_page: Open, pages_server: Server, shop: Shop, admin: Person
) -> None:
    failed = await shop.failed_job()
    await shop.order(await shop.person(balance="50.00"), paid=True)
    async with httpx.AsyncClient(base_url=pages_server.url, timeout=LONGEST) as client:
        for path in ("/api/v2/categories", "/api/v1/categories", "/api/v2/categories?first=0"):
            await client.get(path)
        document = {"query": "{ categories(first: 1) { nodes { id } } }"}
        await client.post("/graphql", json=document)
    look = await opened(open_page, admin)
    page = look.page
    row = page.locator("tr[data-operation='categories.list'] td")
    await row.first.wait_for()
    heads = await page.locator("#tables thead th").all_inner_texts()
    shown = dict(zip(heads, await row.all_inner_texts(), strict=True))
    calls = counted(pages_server, "categories.list")
    assert calls >= 4
    assert int(shown["calls"]) == calls
    for face in ("graphql", "v1", "v2"):
        assert int(shown[face]) == counted(pages_server, "categories.list", face=face)
    assert int(shown["refused"]) == calls - counted(pages_server, "categories.list", outcome="OK")
    assert int(shown["failed"]) == 0
    in_queue = await shop.value("SELECT count(*) FROM jobs WHERE status = 'failed'")
    await expect(page.locator("[data-jobs=FAILED]")).to_have_text(str(in_queue))
    await expect(page.locator(f"[data-job='{failed}']")).to_have_count(1)
    now = shop.process.clock()
    asked = {
        "from": (now - timedelta(days=30)).isoformat(),
        "to": now.isoformat(),
        "period": "DAY",
    }
    async with httpx.AsyncClient(base_url=pages_server.url, timeout=LONGEST) as client:
        path = "/api/v2/admin/reports/sales"
        report = (await client.get(path, params=asked, headers=admin.headers)).json()
    assert float(report["net"]) > 0
    sales = page.locator("[data-sales]")
    await expect(sales).to_have_attribute("data-sales", report["net"])


@pytest.mark.thorough
async def test_open_streams_are_shown_with_their_lag(
    open_page: Open, pages_server: Server, shop: Shop, admin: Person
) -> None:
    async with listening(pages_server.url, admin) as stream:
        await shop.project(admin)
        await stream.event()
        look = await opened(open_page, admin)
        panel = look.page.get_by_role("region", name="Event streams")
        await expect(panel.locator(".figure")).to_have_text("1 open, 0 dropped as too slow")
        await expect(panel.locator("rect title")).to_have_text(["graphql: 0", "v2: 1", "v1: 0"])
        await expect(panel).to_contain_text("95 of 100 events are told within")


@pytest.mark.thorough
@pytest.mark.parametrize("role", ["USER", "MODERATOR", "MANAGER"])
async def test_others_are_told_that_the_page_is_for_admins(
    open_page: Open, shop: Shop, role: str
) -> None:
    look = await opened(open_page, await shop.person(role))
    await look.shows("Figures and jobs are for admins: sign in as one.")
    assert not await look.page.locator("#panels").is_visible()


@pytest.mark.thorough
async def test_the_page_works_and_says_so_while_redis_is_away(
    open_page: Open, settings: Settings, shop: Shop, admin: Person, tmp_path: Path
) -> None:
    job = await shop.failed_job()
    alone = settings.model_copy(update={"redis_url": NOWHERE_REDIS})
    with serving(alone, tmp_path / "log") as server:
        look = await opened(open_page, admin, server=server)
        await look.shows("away: no cache, and each process limits by itself")
        line = look.page.locator(f"[data-job='{job}']")
        await line.get_by_role("button", name="Discard").click()
        await look.shows("tests.failed is discarded.")
        await look.check()
        await look.end()


def tile(look: Look, name: str) -> Locator:
    """The tile of a part of the shop."""
    return look.page.locator("#health li", has=look.page.locator(f"b:text-is('{name}')"))


@pytest.mark.thorough
async def test_the_page_goes_on_while_postgresql_is_away_and_when_it_is_back(
    open_page: Open, settings: Settings, shop: Shop, admin: Person, tmp_path: Path
) -> None:
    job = await shop.failed_job()
    async with Gate(settings.database_url).standing() as gate:
        through = settings.model_copy(update={"database_url": gate.database_url})
        async with beside(serving(through, tmp_path / "log")) as server:
            look = await opened(open_page, admin, server=server)
            look.expected = (REFUSED,)
            page = look.page
            line = page.locator(f"[data-job='{job}']")
            told = page.locator("#panels .away")
            for drawn in (line, page.locator("[data-sales]")):
                await expect(drawn).to_be_visible()
            gate.cut()
            await expect(tile(look, "PostgreSQL")).to_contain_text(
                "away: calls answer UNAVAILABLE until it is back"
            )
            for name in ("Writes", "Worker"):
                await expect(tile(look, name)).to_contain_text("not known")
            await expect(tile(look, "Redis")).to_contain_text("answers")
            # A token that ends now cannot be renewed, which signs nobody out.
            await page.evaluate(_END_TOKEN)
            await page.click("#again")
            await expect(told).to_have_count(2)
            await line.get_by_role("button", name="Discard").click()
            await look.shows("tests.failed was not changed:")
            await expect(line).to_have_count(1)
            await expect(page.locator("[data-sales]")).to_be_visible()
            await expect(page.locator("#caller")).to_have_text(admin.email)
            await look.check()
            await gate.mend()
            await expect(tile(look, "PostgreSQL")).to_contain_text("answers")
            await expect(tile(look, "Writes")).to_contain_text("accepted")
            await expect(told).to_have_count(0)
            await line.get_by_role("button", name="Discard").click()
            await expect(line).to_have_count(0)
            await look.end()


_END_TOKEN = """() => {
  const kept = JSON.parse(sessionStorage.getItem('tandem.session'));
  sessionStorage.setItem('tandem.session', JSON.stringify({...kept, expiresAt: 0}));
}"""


@pytest.mark.thorough
async def test_the_page_goes_on_while_redis_is_away_and_when_it_is_back(
    open_page: Open, settings: Settings, admin: Person, tmp_path: Path
) -> None:
    async with Gate(settings.redis_url).standing() as gate:
        through = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{gate.port}/0"})
        async with beside(serving(through, tmp_path / "log")) as server:
            look = await opened(open_page, admin, server=server)
            await expect(tile(look, "Redis")).to_contain_text("answers")
            gate.cut()
            await expect(tile(look, "Redis")).to_contain_text("away: no")
            await look.page.click("#again")
            await expect(look.page.locator("[data-jobs=FAILED]")).to_be_visible()
            await gate.mend()
            await expect(tile(look, "Redis")).to_contain_text("answers")
            await look.end()


@pytest.mark.thorough
async def test_the_page_says_that_no_worker_takes_jobs(
    open_page: Open, shop: Shop, admin: Person
) -> None:
    job = await shop.failed_job(unique("tests."))
    due = shop.process.clock() - timedelta(minutes=10)
    await shop.execute(
        "UPDATE jobs SET status = 'queued', execute_after = $2 WHERE dedupe_key = $1", job, due
    )
    look = await opened(open_page, admin)
    await look.shows("seems down: a job is due for")
    await shop.execute("DELETE FROM jobs WHERE dedupe_key = $1", job)


@pytest.mark.thorough
async def test_the_page_says_that_metrics_are_closed(
    open_page: Open, settings: Settings, admin: Person, tmp_path: Path
) -> None:
    with serving(settings, tmp_path / "log", TANDEM_METRICS="false") as server:
        look = await opened(open_page, admin, server=server)
        await look.shows("This server keeps /metrics closed")
        await expect(look.page.locator("#queue h2")).to_be_visible()
        await look.check()
        await look.end()


@pytest.mark.thorough
async def test_a_server_that_went_away_is_told(
    open_page: Open, settings: Settings, admin: Person, tmp_path: Path
) -> None:
    with serving(settings, tmp_path / "log") as server:
        look = await opened(open_page, admin, server=server)
        look.expected = (REFUSED,)
    await look.shows("The server does not answer; the page asks again.")


@pytest.mark.thorough
@pytest.mark.parametrize("role", ["USER", "ADMIN"])
async def test_the_page_keeps_the_rules_in_every_look(
    open_page: Open, shop: Shop, look_at: dict[str, Any], role: str
) -> None:
    await shop.failed_job()
    look = await opened(open_page, await shop.person(role), **look_at)
    if role == "ADMIN":
        await expect(look.page.locator("#queue h2")).to_be_visible()
    await look.check()
