"""The shop that is walked through: an application with a database of its own, and looks at it."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
import msgspec

from persistence.mail_tokens import Purpose
from services.audit import chain as audit_chain
from services.jobs.handlers import HANDLERS
from services.jobs.queue import Job
from services.process import new_process
from services.settings.settings import Settings
from tests.conftest import running
from tests.exchanges import http_client, transport_to
from tests.parity.walk.callers import People
from tests.shop import PASSWORD, Shop

ADDRESS = "192.0.2.1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: Tables that a refused call may change: the attempt is audited, and its outcome is stored.
_MAY_CHANGE = ("audit_%", "idempotency_keys", "alembic_version", "walk_changes")
#: Tables that the sequencer writes. What an operation emits is in the outbox first.
_MAY_CHANGE += ("events", "events_%", "event_head")
# A trigger notes each changed row and each row of the audit log, in the transaction that writes it.
# So looking for changes costs the same however much the shop holds. The time of a key's last use
# may always change.
_NOTES = """
CREATE UNLOGGED TABLE walk_changes (relation text, number xid8 DEFAULT pg_current_xact_id(),
    audit jsonb);
CREATE FUNCTION walk_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_log' THEN
        INSERT INTO walk_changes (relation, audit) VALUES (TG_TABLE_NAME, to_jsonb(NEW));
    ELSIF TG_TABLE_NAME = 'event_outbox' AND TG_OP = 'DELETE' THEN
        NULL;  -- a sequencer takes what waits; streams run one
    ELSIF TG_OP <> 'UPDATE' OR to_jsonb(OLD) - 'last_used_at' <> to_jsonb(NEW) - 'last_used_at' THEN
        INSERT INTO walk_changes (relation) VALUES (TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
        AND (table_name = 'audit_log' OR NOT table_name LIKE ANY ('{PATTERNS}'::text[]))
    LOOP
        EXECUTE format('CREATE TRIGGER zz_walk AFTER INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION walk_note()', name);
    END LOOP;
END $$;
""".replace("PATTERNS", ", ".join(_MAY_CHANGE))
_SEEN = "DELETE FROM walk_changes RETURNING relation, number::text, audit"
#: Reads all budgets of the walk and removes them, so that every call begins with full ones.
_BUDGETS = """
local found = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
    found[#found + 1] = key
    found[#found + 1] = redis.call('GET', key)
    redis.call('DEL', key)
end
return found
"""
#: Jobs that a turn of the worker runs. PDFs take long, so that only some turns make one.
_JOBS = 40
_PDF_JOB = "invoices.render"


class Standing:
    """A clock that stands until it is moved, so that three faces see one state."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time now."""
        return self.now

    def forward(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    @property
    def microseconds(self) -> int:
        """The time as the quota counts it."""
        return (self.now - _EPOCH) // _MICROSECOND


class Seen(NamedTuple):
    """The rows that changed since the last look, and the new rows of the audit log."""

    changes: Sequence[Mapping[str, Any]]
    audit: Sequence[Mapping[str, Any]]


class World:
    """One application, its shop and its people."""

    def __init__(self, shop: Shop, client: httpx.AsyncClient, clock: Standing) -> None:
        self.shop = shop
        self.client = client
        self.clock = clock
        self.people = People(shop)
        #: Whether nothing was changed or charged since the last look.
        self.settled = False
        self._prefix = f"{shop.process.settings.redis_prefix}:quota:"
        self._budgets = shop.process.redis.register_script(_BUDGETS)

    async def settle(self) -> None:
        """Forget what the walk itself changed and spent, before a call is made."""
        if not self.settled or self.people.changed:
            await self.look()
            await self.charges()
            self.settled, self.people.changed = True, False

    async def look(self) -> Seen:
        """Read what changed since the last look."""
        rows = await self.shop.rows(_SEEN)
        audit = [row for row in rows if row["audit"] is not None]
        return Seen(
            [row for row in rows if row["audit"] is None],
            [{**row["audit"], "number": row["number"]} for row in audit],
        )

    async def charges(self) -> dict[str, int]:
        """The units taken from each budget since the last look; all budgets are full again."""
        found = await self._budgets(args=[f"{self._prefix}*"])
        texts = [one.decode() if isinstance(one, bytes) else one for one in found]
        charged = {}
        for key, full_at in zip(texts[::2], texts[1::2], strict=True):
            name = key.removeprefix(self._prefix)
            interval = self._interval(name)
            charged[name] = round((int(full_at) - self.clock.microseconds) / interval)
        # What a right password gave back was not taken.
        return {name: units for name, units in charged.items() if units}

    async def leave(self, budget: str, units: int) -> None:
        """Leave only so many units in a budget."""
        spent = self._units(budget) - units
        full_at = self.clock.microseconds + spent * self._interval(budget)
        await self.shop.process.redis.set(f"{self._prefix}{budget}", full_at, px=3_600_000)

    def _units(self, budget: str) -> int:
        policy = budget.partition(":")[0].replace("-", "_")
        return getattr(self.shop.process.settings, f"quota_{policy}")

    def _interval(self, budget: str) -> int:
        """The microseconds that bring back a unit of a budget."""
        policy = budget.partition(":")[0].replace("-", "_")
        # The three budgets of passwords have one window.
        window = "login" if policy.startswith("login") else policy
        seconds = getattr(self.shop.process.settings, f"quota_{window}_seconds")
        return -(-seconds * 1_000_000 // self._units(budget))

    async def work(self, *, pdf: bool) -> None:
        """Run queued jobs as a worker does: payments settle, invoices appear, the log is sealed."""
        self.settled = False
        rows = await self.shop.rows(
            "SELECT id, entrypoint, payload FROM jobs WHERE status = 'queued' ORDER BY id"
        )
        done = 0
        for row in rows:
            if row["entrypoint"] == _PDF_JOB:
                if not pdf:
                    continue
                pdf = False
            if row["entrypoint"] not in HANDLERS:
                continue
            job = msgspec.json.decode(row["payload"], type=Job)
            # A job fails when its account or order has gone since, as it does in a shop.
            with contextlib.suppress(Exception):
                await HANDLERS[row["entrypoint"]](self.shop.process, job)
            await self.shop.execute("DELETE FROM jobs WHERE id = $1", row["id"])
            done += 1
            if done == _JOBS:
                break
        empty = Job("00000000-0000-0000-0000-000000000000", "walk", {})
        await audit_chain.seal_new(self.shop.process, empty)
        await self.shop.process.sequencer.run()

    async def begin(self) -> AsyncIterator[tuple[str, Any]]:
        """Put some things into the shop; gives each with who knows of it."""
        self.settled = False
        shop = self.shop
        products = []
        for price in ("0.50", "3.33", "19.99", "149.95"):
            category = await shop.category()
            product = await shop.product(price, stock=40, categoryId=category, tags=["lamp"])
            products.append(product.id)
            yield "manager-1", product
        yield "manager-1", await shop.coupon()
        for name in self.people.rich:
            person = await self.people.person(name)
            yield name, await shop.order(person, [(products[0], 1)])
            large = await shop.order(person, [(products[3], 1)])
            yield name, large
            paid = await shop.order(person, [(products[1], 2)], paid=True)
            yield name, paid
            yield name, await shop.refund(paid.id, amount="1.00")
            post = await shop.post(person, tags=["lamp"])
            yield name, post
            yield name, await shop.post(person, is_published=False)
            comment = await shop.comment(person, post.id)
            yield name, comment
            yield name, await shop.comment(person, post.id, parentId=comment.id)
            yield name, await shop.project(person, budget="250.00")
            yield name, await shop.upload(person)
        manager = await self.people.person("manager-1")
        for purpose in ("AVATAR", "PRODUCT_IMAGE", "PRODUCT_IMAGE"):
            yield "manager-1", await shop.upload(manager, purpose)
        buyer = await self.people.person("user-1")
        yield "user-1", await shop.invoice(buyer)
        yield "user-1", await shop.unpublished(buyer)
        yield "user-1", await shop.removed(buyer)

    async def restock(self, chance: Random) -> AsyncIterator[tuple[str, Any]]:
        """Put a product, a paid order and one that waits for approval into the shop.

        A long walk would otherwise archive or sell all that there is.
        """
        self.settled = False
        # A round may have left its caller nothing of a budget, and ended the session of who sells.
        await self.charges()
        shop = Shop(self.shop.process, self.shop.password_hash)
        product = await shop.product("149.95", stock=40, tags=["lamp"])
        yield "manager-1", product
        name = chance.choice(self.people.rich)
        person = self.shop.renewed(await self.people.person(name))
        yield name, await self.shop.order(person, [(product.id, 1)])
        small = await shop.product("2.50", stock=40)
        yield name, await self.shop.order(person, [(small.id, 2)], paid=True)
        # A picture is used once, and its upload does not last.
        manager = self.shop.renewed(await self.people.person("manager-1"))
        yield "manager-1", await self.shop.upload(manager, "PRODUCT_IMAGE")
        yield name, await self.shop.upload(person, "AVATAR")

    async def mail_tokens(self, chance: Random) -> dict[str, list[str]]:
        """Tokens as they are mailed, one for each purpose, to somebody new."""
        self.settled = False
        person = await self.shop.person(chance.choice(("USER", "MODERATOR")))
        return {"token": [await self.shop.mailed(person, purpose) for purpose in Purpose]}

    async def failed_job(self) -> None:
        """A job that failed, for staff to look at."""
        self.settled = False
        await self.shop.failed_job()


@asynccontextmanager
async def opened(settings: Settings, mail: Path) -> AsyncIterator[World]:
    """The application over a new database, with the budgets of production."""
    from api.app import create_app

    clock = Standing()
    process = new_process(settings.model_copy(update={"mail_folder": mail}), clock)
    async with running(create_app(process)) as app:
        async with process.database.connection() as connection:
            await connection.execute(_NOTES)
        shop = Shop(process, await process.passwords.hash(PASSWORD))
        transport = transport_to(app, (ADDRESS, 4711))
        async with http_client(transport=transport, base_url="http://test") as client:
            yield World(shop, client, clock)
