"""A shop in another currency: a database, an application and its doors of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx

from api.app import create_app
from services.money import Currency, currency
from services.process import new_process
from tests.conftest import Addresses, client_of, running, settings_for
from tests.faces import FACES, Door, door_named
from tests.shop import Clock, Shop


@dataclass(frozen=True)
class Abroad:
    """A shop, its application's client, and its currency."""

    shop: Shop
    client: httpx.AsyncClient
    currency: Currency

    @property
    def faces(self) -> dict[str, Door]:
        """GraphQL, v1 and v2, by name."""
        return {name: door_named(name, self.shop, self.client) for name in FACES}

    def text(self, units: int) -> str:
        """An amount of so many minor units as it is on the wire."""
        places = self.currency.decimals
        return f"{Decimal(units).scaleb(-places):.{places}f}"


@asynccontextmanager
async def shop_in(
    addresses: Addresses, code: str, password_hash: str, **more: Any
) -> AsyncIterator[Abroad]:
    """A new shop whose currency is this."""
    name = f"tandem_{code.lower()}_{uuid4().hex[:12]}"
    url = await addresses.create(name)
    try:
        settings = settings_for(url, addresses.redis_url, currency=code, **more)
        process = new_process(settings, Clock())
        await process.open()
        try:
            async with running(create_app(process)) as app, client_of(app) as client:
                yield Abroad(Shop(process, password_hash), client, currency(code))
        finally:
            await process.close()
    finally:
        await addresses.drop(name)
