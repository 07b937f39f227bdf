"""Applications with budgets of their own, in which time stands."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from services.process import new_process
from services.quota.gcra import Charge
from services.quota.quota import Policy
from tests.conftest import running, settings_for
from tests.exchanges import http_client, transport_to
from tests.faces import FACES, Door, Outcome, door_named
from tests.shop import Person, Shop, unique

HERE, THERE = "192.0.2.1", "198.51.100.1"


class Standing:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time now."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Site:
    """An application with budgets of its own, in which time stands."""

    shop: Shop
    app: Any
    clock: Standing
    _stack: AsyncExitStack
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def client(self, address: str = HERE) -> httpx.AsyncClient:
        """HTTP calls from an address."""
        if address not in self._clients:
            transport = transport_to(self.app, (address, 4711))
            client = http_client(transport=transport, base_url="http://test")
            self._clients[address] = await self._stack.enter_async_context(client)
        return self._clients[address]

    async def door(self, name: str, address: str = HERE) -> Door:
        """A door, from an address."""
        return door_named(name, self.shop, await self.client(address))

    async def doors(self, address: str = HERE) -> list[Door]:
        """Every face, from an address."""
        return [await self.door(name, address) for name in FACES]

    async def attempt(self, face: str, address: str, email: str, password: str) -> Outcome:
        """Sign in at a face, from an address."""
        door = await self.door(face, address)
        return await door.call("auth.login", {"email": email, "password": password})

    async def left(self, policy: Policy, subject: str) -> int:
        """What is left of a budget."""
        quota = self.shop.process.quota
        budget = quota._budgets[policy]
        key = f"{quota._prefix}:{policy}:{subject}"
        now = (self.clock.now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        look = Charge(key, budget.interval, budget.units, 0)
        return (await quota._spender.spend([look], now)).balances[0].remaining

    async def anonymous(self, address: str = HERE) -> int:
        """What is left to an address."""
        return await self.left(Policy.ANONYMOUS, self.shop.process.quota.place(ip_address(address)))

    async def own(self, person: Person) -> int:
        """What is left to a caller."""
        return await self.left(Policy.SIGNED_IN, f"user:{person.id}")


Open = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_site(shop: Shop) -> AsyncIterator[Open]:
    """Opens the application with the budgets of production, or others."""
    async with AsyncExitStack() as stack:

        async def opened(**more: Any) -> Site:
            settings = shop.process.settings
            given = {
                "database_url": settings.database_url,
                "redis_url": settings.redis_url,
                "redis_prefix": unique("quota-"),
                "quota_factor": 1,
                **more,
            }
            clock = Standing()
            process = new_process(settings_for(**given), clock)
            from api.app import create_app

            app = await stack.enter_async_context(running(create_app(process)))
            return Site(Shop(process, shop.password_hash), app, clock, stack)

        yield opened


@pytest.fixture
async def site(open_site: Open) -> Site:
    """The application with the budgets of production."""
    return await open_site()
