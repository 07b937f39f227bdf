"""Limits by address of what is served beside the faces: pages, documents, metrics and events."""

from ipaddress import ip_network

import httpx
import pytest

from services.quota.quota import Policy
from tests.http.test_pages import DOCUMENTS
from tests.services.test_deposits_provider import WEBHOOK, event, pending, post, signed
from tests.sites import HERE, THERE, Open


@pytest.mark.parametrize("path", [*DOCUMENTS, "/", "/metrics"])
async def test_a_page_is_limited_by_address(open_site: Open, path: str) -> None:
    site = await open_site(quota_pages=3, quota_pages_seconds=60)
    client = await site.client()
    answers = [await client.get(path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers.pop()
    assert refused.headers["Retry-After"] == "20"
    assert refused.json()["code"] == "RATE_LIMITED"
    assert refused.json()["details"]["policy"] == "pages"
    # It is one budget for all pages, and none of the faces or probes.
    assert (await client.head("/errors/NOTHING")).status_code == 429
    for free in ("/health", "/health/live", "/health/ready", "/.well-known/jwks.json"):
        assert (await client.get(free)).status_code == 200
    assert (await client.get("/api/v2/categories")).status_code == 200
    assert (await (await site.client(THERE)).get(path)).status_code == 200
    site.clock.forward(20)
    assert (await client.get(path)).status_code == 200


async def test_the_limit_of_pages_is_generous_and_can_be_lifted(open_site: Open) -> None:
    site = await open_site(quota_exempt=(ip_network(f"{HERE}/32"),), quota_pages=1)
    client = await site.client()
    assert [(await client.get("/docs")).status_code for _ in range(3)] == [200] * 3
    budget = (await open_site()).shop.process.quota._budgets[Policy.PAGES]
    assert (budget.units, budget.seconds) == (600, 60)


async def test_an_event_is_limited_until_its_signature_is_known(open_site: Open) -> None:
    site = await open_site(quota_pages=3, quota_pages_seconds=60)
    client, shop = await site.client(), site.shop
    person = await shop.person()
    deposits = [await pending(shop, person) for _ in range(6)]
    # Accepted events are free, however many there are.
    accepted = [await post(client, event(deposit)) for deposit in deposits[:5]]
    assert [answer.status_code for answer in accepted] == [204] * 5

    async def forge() -> httpx.Response:
        headers = signed(b"something else")
        return await client.post(WEBHOOK, content=event(deposits[5]), headers=headers)

    assert [(await forge()).status_code for _ in range(4)] == [401, 401, 401, 429]
    async with shop.unchanged():
        late = await post(client, event(deposits[5]))
    assert (late.status_code, late.headers["Retry-After"]) == (429, "20")
    there = await site.client(THERE)
    assert (await post(there, event(deposits[5]))).status_code == 204
