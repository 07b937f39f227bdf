"""The cache: it answers, and never with what a write has already changed."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from services import categories, redis_calls
from services.operation.context import Context, Request
from services.posts import reading as posts
from services.process import Process, new_process
from services.products import managing as products_managing
from services.products import reading as products
from services.settings.settings import Settings
from tests.conftest import client_of
from tests.exchanges import http_client
from tests.faces import FACES, Door, door_named
from tests.servers import Server, serving
from tests.services.test_quota import own_valkey
from tests.shop import Person, Shop, new_key, unique
from tests.suite import LONGER
from tests.worker.work import eventually

Open = Callable[[Settings], Awaitable[Process]]
#: So long are answers kept where a test waits for their end.
TTL = 2.0


@asynccontextmanager
async def opening(**more: Any) -> AsyncIterator[Open]:
    """Opens what another process of the installation would."""
    async with AsyncExitStack() as stack:

        async def opened(settings: Settings) -> Process:
            process = new_process(settings.model_copy(update=more))
            await process.open()
            stack.push_async_callback(process.close)
            return process

        yield opened


@pytest.fixture(params=[True, False], ids=["fast", "readable"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """The same, on either way to Redis."""
    async with opening(fast_paths=request.param) as opened:
        yield opened


def asking(process: Process, person: Person | None = None) -> Request:
    return Request(process, unique("test-"), "test", bearer=person.token if person else None)


async def product_in(process: Process, product_id: str) -> tuple[Any, str]:
    """A product as anybody reads it in a process, and where it came from."""
    request = asking(process)
    return await products.get(request, {"id": product_id}), request.x_cache


async def kept(process: Process, product_id: str) -> None:
    """Have a product kept, and see that it is."""

    async def hit() -> bool:
        return (await product_in(process, product_id))[1] == "HIT"

    await eventually(hit)


async def rename(process: Process, manager: Person, product_id: str) -> str:
    """Give a product a new name through a process; the answer is there."""
    name = unique("Renamed ")
    await products_managing.update(asking(process, manager), {"id": product_id, "name": name})
    return name


async def test_what_was_read_once_is_kept_for_every_face(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    # A category of its own: another test may have read the one that products share.
    product, word = await shop.product(categoryId=await shop.category()), unique("word")
    reads: list[tuple[str, dict[str, Any]]] = [
        ("products.get", {"id": product.id}),
        ("products.list", {"search": word}),
        ("categories.get", {"id": product.category_id}),
    ]
    for operation, values in reads:
        first = await faces["v2"].call(operation, values)
        assert first.headers["x-cache"] == "MISS"
        await eventually(lambda: stored(shop.process))
        for name, door in faces.items():
            # v1 counts its lists, which is another question.
            if (name, operation) != ("v1", "products.list"):
                outcome = await door.call(operation, values, caller=user)
                assert outcome.headers["x-cache"] == "HIT"
                assert (outcome.ok, outcome.etag) == (first.ok, first.etag)
    whole = await faces["v2"].call("products.get", {"id": product.id})
    assert (
        whole.headers["etag"]
        == (await faces["v1"].call("products.get", {"id": product.id})).headers["etag"]
    )


async def test_a_hit_asks_the_database_nothing(process: Process, shop: Shop) -> None:
    product = await shop.product()
    await kept(process, product.id)
    request = asking(process)
    assert (await products.get(request, {"id": product.id})) == product
    assert request.stats.statements == 0


async def test_part_of_a_kept_product_is_had_without_the_rest(
    client: httpx.AsyncClient, process: Process, shop: Shop
) -> None:
    product = await shop.product()
    await kept(process, product.id)
    for version, path in (("v2", []), ("v1", ["data"])):
        response = await client.get(f"/api/{version}/products/{product.id}?fields=id,price")
        found = response.json()
        for name in path:
            found = found[name]
        assert found == {"id": product.id, "price": "19.99"}
        assert response.headers["x-cache"] == "HIT"
    tag = response.headers["etag"]
    again = await client.get(f"/api/v2/products/{product.id}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_an_answer_of_which_only_a_part_was_kept_is_a_miss(
    client: httpx.AsyncClient, process: Process, shop: Shop, user: Person
) -> None:
    product = await shop.product()
    await kept(process, product.id)

    async def cached(selection: str) -> str:
        query = selection.replace("$", f'"{product.id}"')
        response = await client.post("/graphql", json={"query": query}, headers=user.headers)
        assert "errors" not in response.json()
        return response.headers["x-cache"]

    assert await cached("{ product(id: $) { name } }") == "HIT"
    assert await cached("{ product(id: $) { name category { name } } }") == "MISS"
    assert await cached("{ product(id: $) { name } wallet { balance } }") == "BYPASS"


async def test_who_sees_more_is_neither_answered_from_the_cache_nor_keeps_anything_there(
    shop: Shop, process: Process, faces: dict[str, Door], manager: Person
) -> None:
    hidden = await shop.product(is_active=False)
    values = {"search": unique("archived")}
    await products_managing.update(
        asking(process, await shop.person("ADMIN")), {"id": hidden.id, "tags": [values["search"]]}
    )
    for door in faces.values():
        for _ in range(2):
            seen = await door.call("products.get", {"id": hidden.id}, caller=manager)
            assert (seen.code, seen.headers["x-cache"]) == ("OK", "BYPASS")
            assert (await door.call("products.get", {"id": hidden.id})).code == "PRODUCT_NOT_FOUND"
            assert (await door.call("products.list", values, caller=manager)).ids() == [hidden.id]
            assert (await door.call("products.list", values)).ids() == []


async def test_a_write_is_seen_by_the_next_read_on_every_process_and_face(
    two_servers: tuple[Server, Server], shop: Shop, manager: Person, depth: int
) -> None:
    """Hundreds of rounds; no read may be older than the write that was answered before it."""
    category = await shop.category()
    product = await shop.product(categoryId=category)
    async with AsyncExitStack() as stack:
        doors: list[Door] = []
        for server in two_servers:
            client = await stack.enter_async_context(http_client(base_url=server.url))
            doors += [door_named(name, shop, client) for name in FACES]
        hits = 0
        for turn in range(200 * LONGER[depth]):
            name, stock = f"Lamp {turn}", turn + 20
            match turn % 4:
                case 0 | 1:
                    values = {"id": product.id, "name": name}
                    await_ = random.choice(doors).call("products.update", values, caller=manager)
                    wanted = ("products.get", {"id": product.id}, "name", name)
                case 2:
                    values = {"id": category, "name": name}
                    await_ = random.choice(doors).call("categories.update", values, caller=manager)
                    wanted = ("categories.get", {"id": category}, "name", name)
                case _:
                    before = (await doors[0].call("products.get", {"id": product.id})).ok["stock"]
                    values = {"id": product.id, "stock": stock, "expected": before}
                    await_ = random.choice(doors).call(
                        "products.adjustStock", values, caller=manager, key=new_key()
                    )
                    wanted = ("products.get", {"id": product.id}, "stock", stock)
            assert (await await_).code == "OK"
            operation, values, field, value = wanted
            reads = [door.call(operation, values) for door in random.sample(doors, 3)]
            if operation == "products.get":
                listed = await random.choice(doors).call("products.list", {"categoryId": category})
                assert [item[field] for item in listed.ok] == [value]
            for outcome in await asyncio.gather(*reads):
                assert outcome.ok[field] == value
                hits += outcome.headers["x-cache"] == "HIT"
    assert hits > 50


async def test_stock_is_seen_as_orders_leave_it(process: Process, shop: Shop) -> None:
    buyer = await shop.person(balance="1000.00")
    product = await shop.product(stock=10)

    async def seen() -> int:
        await kept(process, product.id)
        return (await product_in(process, product.id))[0].stock

    assert await seen() == 10
    order = await shop.order(buyer, [(product.id, 3)])
    assert await seen() == 7
    await shop.order(buyer, [(product.id, 2)], cancelled=True)
    assert await seen() == 7
    await shop.order(buyer, [(product.id, 1)], paid=True)
    assert await seen() == 6
    from services.orders.managing import expire

    await shop.execute("UPDATE orders SET expires_at = created_at WHERE id = $1", order.id)
    await kept(process, product.id)
    await expire.by_system(shop.request(), {"id": order.id})
    assert await seen() == 9


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("kind", ["one", "list"])
async def test_a_slow_reader_keeps_nothing_that_a_write_has_changed_meanwhile(
    opened: Open,
    settings: Settings,
    tmp_path: Path,
    shop: Shop,
    manager: Person,
    kind: str,
    emptied: bool,
) -> None:
    """It reads the database before the write, and stores what it read after its answer."""
    async with own_valkey(tmp_path) as url:
        here, there = [
            await opened(settings.model_copy(update={"redis_url": url})) for _ in range(2)
        ]
        product = await shop.product(tags=[unique("slow")])
        values = {"id": product.id} if kind == "one" else {"tag": product.tags[0]}
        read = products.get if kind == "one" else products.list_
        reading, go_on = asyncio.Event(), asyncio.Event()

        async def named(process: Process) -> Any:
            found = await read(asking(process), values)
            return found if kind == "one" else found.items[0]

        class Slow(Context):
            async def cached(self, kind: Any, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
                async def slowly() -> Any:
                    found = await load()
                    reading.set()
                    await go_on.wait()
                    return found

                return await super().cached(kind, key, slowly)

        slow = asyncio.ensure_future(read.run(Slow(asking(here), read, None), read.input(**values)))
        await asyncio.wait_for(reading.wait(), 60)
        name = await rename(there, manager, product.id)
        if emptied:
            await here.redis.flushall()
        async with asyncio.timeout(60):
            # Who comes after the write does not wait for who came before it.
            assert (await named(here)).name == name
        go_on.set()
        await slow
        await eventually(lambda: stored(here))
        for process in (there, here):
            for _ in range(3):
                assert (await named(process)).name == name


async def stored(process: Process) -> bool:
    """Has a process stored what it wanted to store?"""
    return not process.cache._tasks


@pytest.mark.parametrize("kind", ["one", "list"])
async def test_five_hundred_readers_of_a_cold_key_make_five_statements_at_most(
    opened: Open, settings: Settings, shop: Shop, kind: str
) -> None:
    processes = [await opened(settings) for _ in range(4)]
    product = await shop.product(tags=[unique("cold")])
    values = {"id": product.id} if kind == "one" else {"tag": product.tags[0]}
    read = products.get if kind == "one" else products.list_
    requests = [asking(process) for _ in range(125) for process in processes]
    found = await asyncio.gather(*[read(request, values) for request in requests])
    for each in found:
        assert (each if kind == "one" else each.items[0]) == product
    assert 1 <= sum(request.stats.statements for request in requests) <= 5


async def test_a_reader_whose_answer_is_overtaken_by_a_later_one_loads_nothing(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found nothing kept, and hears of that only when another one has loaded and stored."""
    product, held, go_on = await shop.product(), asyncio.Event(), asyncio.Event()
    async with opening() as opened:
        process = await opened(settings.model_copy(update={"fast_paths": False}))
        call = process.redis_calls.call

        async def overtaken(*words: Any) -> Any:
            answer = await call(*words)
            if isinstance(answer, list) and not held.is_set():
                held.set()
                await go_on.wait()
            return answer

        monkeypatch.setattr(process.redis_calls, "call", overtaken)
        first, second = asking(process), asking(process)
        late = asyncio.create_task(products.get(first, {"id": product.id}))
        await asyncio.wait_for(held.wait(), 60)
        assert await products.get(second, {"id": product.id}) == product
        await eventually(lambda: stored(process))
        go_on.set()
        assert await late == product
        assert (first.stats.statements, second.stats.statements) == (0, 1)


async def test_readers_whose_leader_gave_up_are_answered_all_the_same(
    process: Process, shop: Shop
) -> None:
    product = await shop.product()
    readers = [asyncio.create_task(product_in(process, product.id)) for _ in range(30)]
    for _ in range(200):
        await asyncio.sleep(0)
        if not all(flight.done() for flight in process.cache._flights.values()):
            break
    readers[0].cancel()
    found = await asyncio.gather(*readers, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(each[0] == product for each in found[1:] if isinstance(each, tuple))
    assert sum(isinstance(each, tuple) for each in found) == 29


class Gate:
    """A way to Redis that can be cut, or that holds what passes once something shows in it."""

    def __init__(self, redis_url: str) -> None:
        self._path = urlsplit(redis_url).path
        self._address = urlsplit(redis_url)
        self._open: list[asyncio.StreamWriter] = []
        self._copies: set[asyncio.Task[None]] = set()
        self.held: bytes | None = None
        self.holds = asyncio.Event()

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[str]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._port = self._server.sockets[0].getsockname()[1]
        yield f"redis://127.0.0.1:{port}/0"
        self.cut()

    def cut(self) -> None:
        """Nobody comes through any more."""
        self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def mend(self) -> None:
        """The way is open again, at the same place."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._address.scheme == "unix":
            there = await asyncio.open_unix_connection(self._path)
        else:
            host, port = self._address.hostname, self._address.port
            there = await asyncio.open_connection(host, port)
        self._open += [writer, there[1]]
        for way in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self._copy(*way))
            self._copies.add(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if self.held is not None and self.held in data:
                    self.holds.set()
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def test_a_writer_that_dies_before_it_can_say_so_leaves_what_is_old_for_the_ttl_at_most(
    settings: Settings, shop: Shop, manager: Person, tmp_path: Path
) -> None:
    """It is killed when it has committed, and its word to Redis is on its way."""
    product, gate = await shop.product(), Gate(settings.redis_url)
    async with opening(cache_seconds=TTL) as opened, gate.standing() as url:
        reader = await opened(settings)
        away = settings.model_copy(update={"redis_url": url})
        # A word that is given up is followed by the answer, which must not come before the end.
        more = {"TANDEM_REDIS_SECONDS": "60", "TANDEM_CACHE_SECONDS": str(TTL)}
        with serving(away, tmp_path / "log", **more) as server:
            async with http_client(base_url=server.url) as client:
                await client.get(f"/api/v2/products/{product.id}")
                await kept(reader, product.id)
                gate.held = b"DEL"
                writing = asyncio.create_task(
                    client.patch(
                        f"/api/v2/products/{product.id}",
                        json={"name": "Written by the dead"},
                        headers=manager.headers,
                    )
                )
                await asyncio.wait_for(gate.holds.wait(), 60)
                server.process.kill()
                with pytest.raises(httpx.HTTPError):
                    await writing
        name = await shop.value("SELECT name FROM products WHERE id = $1", product.id)
        assert name == "Written by the dead"

        async def seen() -> bool:
            return (await product_in(reader, product.id))[0].name == name

        await eventually(seen)
        await kept(reader, product.id)
        assert await seen()


async def test_a_kept_value_lives_no_longer_than_the_setting_says(
    process: Process, shop: Shop, settings: Settings
) -> None:
    product = await shop.product()
    await kept(process, product.id)
    names = [key async for key in process.redis.scan_iter(f"*:cache:products.get:*:{product.id}:*")]
    assert names
    for name in names:
        assert 0 < await process.redis.pttl(name) <= settings.cache_seconds * 1000


async def test_what_changes_while_redis_is_away_is_seen_then_and_after(
    opened: Open,
    settings: Settings,
    shop: Shop,
    manager: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Redis stops, with everything it had, and comes back empty."""
    monkeypatch.setattr(redis_calls, "PAUSE_SECONDS", 0.1)
    product = await shop.product(tags=[unique("away")])
    listed = {"tag": product.tags[0]}
    async with own_valkey(tmp_path) as url:
        away = settings.model_copy(update={"redis_url": url})
        here, there = [await opened(away) for _ in range(2)]
        await kept(here, product.id)
        await kept(there, product.id)
    name = product.name
    for turn in range(6):
        name = await rename(here if turn % 2 else there, manager, product.id)
        for process in (here, there):
            assert (await product_in(process, product.id))[0].name == name
            page = await products.list_(asking(process), listed)
            assert [item.name for item in page.items] == [name]
    async with own_valkey(tmp_path):
        for process in (here, there):
            await kept(process, product.id)
            assert (await product_in(process, product.id))[0].name == name
        name = await rename(there, manager, product.id)
        assert (await product_in(here, product.id))[0].name == name


async def test_a_late_reply_keeps_no_write_from_the_others(
    opened: Open, settings: Settings, shop: Shop, manager: Person
) -> None:
    """The writer leaves Redis alone for a second after it; the others go on using it."""
    product, other = await shop.product(), await opened(settings)
    gate = Gate(settings.redis_url)
    async with gate.standing() as url:
        writer = await opened(settings.model_copy(update={"redis_url": url}))
        await kept(writer, product.id)
        gate.held = product.id.encode()
        assert (await product_in(writer, product.id))[1] == "MISS"
        gate.held = None
        assert writer.cache._breaker.away
        name = await rename(writer, manager, product.id)
        assert (await product_in(other, product.id))[0].name == name


async def test_what_is_owed_to_the_others_is_said_before_a_process_ends(
    settings: Settings, shop: Shop, manager: Person
) -> None:
    product, gate = await shop.product(), Gate(settings.redis_url)
    async with opening() as opened, gate.standing() as url:
        other = await opened(settings)
        away = settings.model_copy(update={"redis_url": url})
        writer = new_process(away)  # nothing watches what it owes
        await kept(other, product.id)
        gate.cut()
        name = await rename(writer, manager, product.id)
        await gate.mend()
        await writer.close()
        assert (await product_in(other, product.id))[0].name == name


async def test_what_could_not_be_said_to_redis_is_said_before_anything_is_asked_of_it(
    opened: Open,
    settings: Settings,
    shop: Shop,
    manager: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The writer is cut off from Redis, which keeps all it has; the others go on using it."""
    monkeypatch.setattr(redis_calls, "PAUSE_SECONDS", 0.1)
    product, other = await shop.product(), await opened(settings)
    gate = Gate(settings.redis_url)
    async with gate.standing() as url:
        writer = await opened(settings.model_copy(update={"redis_url": url}))
        await kept(writer, product.id)
        gate.cut()
        name = await rename(writer, manager, product.id)
        assert (await product_in(writer, product.id))[0].name == name
        await gate.mend()
        while writer.cache._pending:  # a periodic task does it without any call
            assert (await product_in(writer, product.id))[0].name == name
            await asyncio.sleep(0.02)
        assert (await product_in(other, product.id))[0].name == name
        await kept(writer, product.id)
        assert (await product_in(writer, product.id))[0].name == name


async def test_a_spent_budget_is_refused_what_is_kept(
    opened: Open, settings: Settings, shop: Shop
) -> None:
    from api.app import create_app

    tight = settings.model_copy(
        update={"quota_factor": 1, "quota_anonymous": 5, "redis_prefix": unique("tight")}
    )
    process, product = await opened(tight), await shop.product()
    await kept(process, product.id)
    async with client_of(create_app(process)) as client:
        answers = [await client.get(f"/api/v2/products/{product.id}") for _ in range(8)]
    assert [each.status_code for each in answers] == [200] * 5 + [429] * 3
    assert {each.headers["x-cache"] for each in answers[:5]} == {"HIT"}
    assert all(product.name not in each.text for each in answers[5:])


async def test_nothing_is_kept_where_the_setting_says_so(
    opened: Open, settings: Settings, shop: Shop
) -> None:
    process = await opened(settings.model_copy(update={"cache_seconds": 0}))
    product = await shop.product()
    for _ in range(2):
        assert await product_in(process, product.id) == (product, "BYPASS")


def test_what_is_kept_is_what_everybody_may_read() -> None:
    from services.catalogue import OPERATIONS

    assert {op.name for op in OPERATIONS if op.cached} == {
        products.get.name,
        products.list_.name,
        categories.get.name,
        categories.list_.name,
        posts.get.name,
    }
