"""What tests build with: people with tokens, products with stock, orders, and looks at the tables.

Everything is made for the test that asks, so that no test depends on another or on an order.
"""

import itertools
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import structlog

from persistence.mail_tokens import Purpose
from services import api_keys, projects
from services.access.tokens import hashed, new_refresh_token
from services.comments import moderating as comments_moderating
from services.comments import writing as comments
from services.coupons import managing as coupons
from services.deposits import depositing as deposits
from services.events import streaming
from services.events.streams import EventStream
from services.files.store import UPLOADS
from services.ids import new_id
from services.invoices import issuing as invoices_jobs
from services.invoices import reading as invoices
from services.jobs.queue import Job, put
from services.mail.tokens import derive
from services.operation.context import Request
from services.orders import buying as orders_buying
from services.orders import managing as orders_managing
from services.orders import reading as orders
from services.posts import liking as posts_liking
from services.posts import moderating as posts_moderating
from services.posts import writing as posts
from services.process import Process
from services.products import managing as products_managing
from services.refunds import refunding as refunds
from services.uploads import declaring as uploads
from tests.pictures import declared, picture

PASSWORD = "tandem-test-1"
#: Tables whose rows are business: a refused call leaves every one of them as it was.
BUSINESS_TABLES = (
    "users",
    "profiles",
    "sessions",
    "refresh_tokens",
    "api_keys",
    "categories",
    "products",
    "stock",
    "stock_movements",
    "accounts",
    "transfers",
    "postings",
    "deposits",
    "provider_events",
    "orders",
    "order_lines",
    "order_history",
    "payments",
    "invoices",
    "invoice_pdfs",
    "invoice_counters",
    "coupons",
    "coupon_redemptions",
    "refunds",
    "refund_lines",
    "posts",
    "post_likes",
    "comments",
    "projects",
    "uploads",
    "jobs",
    "mail_tokens",
)
# A row that changes gets another place, and the number of another transaction. Reading every row
# would take longer than the calls that are tested.
_PLACES = "sum(hashtid(t.ctid)), sum(t.xmin::text::bigint)"
#: A key's `last_used_at` may change although the call that used it is refused.
_CONTENT = "sum(hashtextextended((to_jsonb(t) - 'last_used_at')::text, 0)), 0"
_DIGEST = " UNION ALL ".join(
    f"SELECT '{table}', format('%s rows, %s, %s', count(*), {printed}) FROM {table} AS t"
    for table in BUSINESS_TABLES
    for printed in (_CONTENT if table == "api_keys" else _PLACES,)
)
# Each event takes a number; where it lies changes by itself, in the outbox or in the log.
_DIGEST += " UNION ALL SELECT 'events', last_value::text FROM event_sequence"
_ENTER = """
WITH person AS (
    INSERT INTO users (id, email, username, full_name, password_hash, role, is_active, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
), profile AS (
    INSERT INTO profiles (user_id, first_name, last_name) VALUES ($1, 'Ada', 'Lovelace')
), account AS (
    INSERT INTO accounts (id, kind, user_id, balance, currency, created_at)
    VALUES ($9, 'WALLET', $1, 0, $10, $8)
), session AS (
    INSERT INTO sessions (id, user_id, user_agent, created_at, expires_at)
    VALUES ($11, $1, 'tests', $8, $12)
)
INSERT INTO refresh_tokens (hash, session_id, created_at) VALUES ($13, $11, $8)
"""
_SIGN_IN = """
WITH session AS (
    INSERT INTO sessions (id, user_id, user_agent, created_at, expires_at)
    VALUES ($1, $2, 'tests', $3, $4)
)
INSERT INTO refresh_tokens (hash, session_id, created_at) VALUES ($5, $1, $3)
"""
#: The money that a buyer lacks for an order: the balance would be enough without its holds.
_LACKING = """
WITH wanted AS (
    SELECT sum(price * quantity) AS total
    FROM unnest($2::uuid[], $3::int[]) AS line(id, quantity) JOIN products USING (id)
)
SELECT total - (balance - held) FROM accounts, wanted
WHERE user_id = $1 AND balance >= total AND balance - held < total
"""
_counter = itertools.count(1)


class Clock:
    """The time as the process under test sees it; tests move it instead of waiting."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """The time now."""
        return datetime.now(UTC) + self.ahead

    def forward(self, **duration: float) -> None:
        """Let time pass: ``clock.forward(minutes=16)``."""
        self.ahead += timedelta(**duration)


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a live session."""

    id: str
    email: str
    username: str
    role: str
    session_id: str
    token: str
    refresh_token: str
    password: str = PASSWORD

    @property
    def headers(self) -> dict[str, str]:
        """The Authorization header."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Machine(Person):
    """A client that bears an API key of somebody's instead of signing in."""

    key_id: str = ""


def own_statements(request: Request) -> int:
    """The statements of a request, without those that authenticated it.

    A token takes one when the process has not looked for revocations lately.
    """
    return request.stats.statements - request.authentication_statements


def unique(prefix: str = "t") -> str:
    """A short name that nothing else has."""
    return f"{prefix}{next(_counter)}{uuid4().hex[:10]}"


def new_key() -> str:
    """An idempotency key for a new intent."""
    return unique("key-")


@dataclass
class Shop:
    """Builds what a test needs in the database of one process."""

    process: Process
    password_hash: str
    _category: str | None = field(default=None, init=False)

    async def person(
        self, role: str = "USER", *, balance: str | None = None, is_active: bool = True
    ) -> Person:
        """Somebody new with this role, signed in, with money when asked."""
        process = self.process
        now = process.clock()
        user_id, session_id = new_id(now), new_id(now)
        name, refresh = unique(role.lower()[:4]), new_refresh_token()
        await self.execute(
            _ENTER,
            user_id,
            f"{name}@example.com",
            name,
            "Ada Lovelace",
            self.password_hash,
            role,
            is_active,
            now,
            new_id(now),
            process.settings.currency,
            session_id,
            now + timedelta(seconds=process.settings.refresh_token_seconds),
            hashed(refresh),
        )
        await process.tokens.ready()
        token = process.tokens.issue(user_id, session_id, role, now)
        person = Person(user_id, f"{name}@example.com", name, role, session_id, token, refresh)
        if balance is not None:
            await self.deposit(person, balance)
        return person

    async def signed_in_again(self, person: Person) -> Person:
        """The same person with another session."""
        process = self.process
        now = process.clock()
        session_id, refresh = new_id(now), new_refresh_token()
        until = now + timedelta(seconds=process.settings.refresh_token_seconds)
        await self.execute(_SIGN_IN, session_id, person.id, now, until, hashed(refresh))
        await process.tokens.ready()
        token = process.tokens.issue(person.id, session_id, person.role, now)
        return replace(person, session_id=session_id, token=token, refresh_token=refresh)

    async def machine(self, person: Person, *permissions: str, **more: Any) -> Machine:
        """A client with an API key of somebody's."""
        raw = {"name": unique("key "), "permissions": list(permissions), **more}
        made = await api_keys.create(self.request(person), raw)
        return Machine(**{**vars(person), "token": made.secret}, key_id=made.api_key.id)

    async def listen(self, person: Person, **query: Any) -> EventStream:
        """An open event stream, as a face takes it from its operation."""
        await self.process.sequencer.run()  # or it would hear of what happened before
        return await streaming.stream(self.request(person), query)

    async def end_of_log(self) -> str:
        """The cursor of the end of the log of events."""
        await self.process.sequencer.run()
        [head] = await self.rows("SELECT epoch, position FROM event_head")
        return self.process.log_cursors.write(str(head["epoch"]), head["position"])

    async def mailed(
        self, person: Person, purpose: Purpose, *, email: str | None = None, **life: float
    ) -> str:
        """A token as it was mailed to somebody; it lives for an hour unless said otherwise."""
        process = self.process
        now = process.clock()
        token_id = new_id(now)
        token = derive(process.settings.secret.get_secret_value(), purpose, token_id)
        await self.execute(
            "INSERT INTO mail_tokens (id, user_id, purpose, email, hash, created_at, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            token_id,
            person.id,
            purpose,
            email or person.email,
            hashed(token),
            now,
            now + timedelta(**(life or {"hours": 1})),
        )
        return token

    def request(self, person: Person | None = None, face: str = "test") -> Request:
        """A request as operations see it, past both faces."""
        bearer = person.token if person else None
        return Request(self.process, id=f"test-{uuid4().hex}", face=face, bearer=bearer)

    async def deposit(self, person: Person, amount: str) -> Any:
        """Money into somebody's wallet, through the ledger."""
        return await deposits.create(self.request(person), {"amount": amount}, key=new_key())

    async def category(self, name: str | None = None) -> str:
        """A new category's id."""
        name = name or unique("Category ")
        category_id = new_id(self.process.clock())
        await self.execute(
            "INSERT INTO categories (id, slug, name, description) VALUES ($1, $2, $3, 'A shelf')",
            category_id,
            unique("shelf-"),
            name,
        )
        return category_id

    async def shelf(self) -> str:
        """A category for products whose category does not matter."""
        if self._category is None:
            self._category = await self.category()
        return self._category

    async def product(
        self, price: str = "19.99", *, stock: int = 10, is_active: bool = True, **more: Any
    ) -> Any:
        """A new product."""
        manager = await self._manager()
        raw = {
            "name": unique("Lamp "),
            "price": price,
            "stock": stock,
            "categoryId": more.pop("categoryId", None) or await self.shelf(),
            **more,
        }
        product = await products_managing.create(self.request(manager), raw)
        if not is_active:
            await self.execute("UPDATE products SET is_active = false WHERE id = $1", product.id)
        return product

    async def coupon(self, value: str = "10.00", kind: str = "PERCENT", **more: Any) -> Any:
        """A new coupon."""
        manager = await self._manager()
        raw = {"code": unique("C"), "kind": kind, "value": value, **more}
        return await coupons.create(self.request(manager), raw)

    async def redeem(self, coupon: Any, person: Person) -> Any:
        """An order of somebody's that redeems a coupon."""
        return await self.order(person, couponCode=coupon.code)

    async def post(
        self, person: Person, *, is_published: bool = True, liked: bool = False, **more: Any
    ) -> Any:
        """A new post of somebody's, published unless said otherwise; they may like it."""
        raw = {
            "title": unique("Post "),
            "content": "Ten characters, and then some.",
            "category": "TECHNOLOGY",
            "isPublished": is_published,
            **more,
        }
        post = await posts.create(self.request(person), raw)
        if liked:
            post = await posts_liking.like(self.request(person), {"id": post.id})
        return post

    async def unpublished(self, person: Person) -> Any:
        """A post of somebody's that a moderator unpublished."""
        post = await self.post(person)
        raw = {"id": post.id, "reason": "It advertises."}
        return await posts_moderating.unpublish(self.request(await self._manager()), raw)

    async def comment(self, person: Person, post_id: str | None = None, **more: Any) -> Any:
        """A new comment of somebody's, on a new post unless it is given."""
        if post_id is None:
            post_id = (await self.post(person)).id
        raw = {"id": post_id, "content": unique("Well put "), **more}
        return await comments.create(self.request(person), raw)

    async def removed(self, person: Person) -> Any:
        """A comment of somebody's that a moderator removed."""
        raw = {"id": (await self.comment(person)).id, "reason": "It insults."}
        return await comments_moderating.remove(self.request(await self._manager()), raw)

    async def project(self, person: Person, **more: Any) -> Any:
        """A new project of somebody's."""
        raw = {"name": unique("Project "), **more}
        return await projects.create(self.request(person), raw)

    async def order(
        self,
        person: Person,
        lines: Sequence[tuple[str, int]] | None = None,
        *,
        paid: bool = False,
        cancelled: bool = False,
        **more: Any,
    ) -> Any:
        """A new order of somebody's; of one new product unless lines are given.

        The buyer gets the money that other unpaid orders hold, so that a test may place many.
        """
        if lines is None:
            lines = [((await self.product()).id, 1)]
        await self._free_money(person, lines)
        raw = {
            "lines": [{"productId": product, "quantity": quantity} for product, quantity in lines],
            **more,
        }
        order = await orders_buying.create(self.request(person), raw)
        if paid:
            await orders_buying.pay(self.request(person), {"id": order.id}, key=new_key())
        if cancelled:
            await orders_buying.cancel(self.request(person), {"id": order.id})
        return await orders.get(self.request(person), {"id": order.id})

    async def _free_money(self, person: Person, lines: Sequence[tuple[str, int]]) -> None:
        """Deposit what a buyer who has the money for these lines lacks because orders hold it."""
        ids, quantities = zip(*lines, strict=True)
        missing = await self.value(_LACKING, person.id, list(ids), list(quantities))
        if missing is not None:
            await self.deposit(person, str(missing))

    async def order_beyond_holds(self, person: Person, lines: Sequence[tuple[str, int]]) -> Any:
        """An order as it could be placed before wallets held money: other orders do not count."""
        wallet = "WHERE user_id = $1"
        held = await self.value(f"SELECT held FROM accounts {wallet}", person.id)
        await self.execute(f"UPDATE accounts SET held = 0 {wallet}", person.id)
        order = await self.order(person, lines)
        async with self.process.database.connection() as connection, connection.transaction():
            # A rule of the database forbids what the migration may leave.
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(
                f"UPDATE accounts SET held = held + $2 {wallet}", person.id, held
            )
        return order

    async def invoice(self, person: Person, order_id: str | None = None) -> Any:
        """The invoice of a paid order, of a new one unless it is given, with its PDF."""
        if order_id is None:
            order_id = (await self.order(person, paid=True)).id
        data = {"orderId": order_id}
        await invoices_jobs.issue_invoice(self.process, Job(unique(), unique(), data))
        order = await orders.get(self.request(person), {"id": order_id})
        data = {"invoiceId": order.invoice_id}
        await invoices_jobs.render_invoice(self.process, Job(unique(), unique(), data))
        return await invoices.get(self.request(person), {"id": order.invoice_id})

    async def credit_note(self, person: Person, refund_id: str) -> Any:
        """The credit note of a refund of somebody's."""
        data = {"refundId": refund_id}
        await invoices_jobs.issue_credit_note(self.process, Job(unique(), unique(), data))
        found = await self.value("SELECT id FROM invoices WHERE refund_id = $1", refund_id)
        return await invoices.get(self.request(person), {"id": found})

    async def expired_order(self, person: Person) -> Any:
        """An order of somebody's that nobody paid in time."""
        order = await self.order(person)
        due = "UPDATE orders SET expires_at = created_at WHERE id = $1"
        await self.execute(due, order.id)
        return await orders_managing.expire.by_system(self.request(), {"id": order.id})

    async def large_order(self, person: Person | None = None) -> Any:
        """A new order that waits for approval."""
        buyer = person or await self.person(balance="20000.00")
        return await self.order(buyer, [((await self.product("10000.01")).id, 1)])

    async def upload(
        self,
        owner: Person,
        purpose: str = "AVATAR",
        content: bytes | None = None,
        *,
        sent: bool = True,
        **more: Any,
    ) -> Any:
        """A new upload; its file, a small picture unless it is given, is sent to the store."""
        content = picture() if content is None else content
        values = {"purpose": purpose, **declared(content), **more}
        upload = await uploads.create(self.request(owner), values)
        if sent:
            await self.process.files.write(UPLOADS + upload.id, content)
        return upload

    async def spend_uploads(self, person: Person, left: int = 0) -> None:
        """Use up what somebody may upload today, but for some bytes that are left."""
        now = self.process.clock()
        await self.execute(
            """
            INSERT INTO uploads (
                id, owner_id, purpose, filename, content_type, size, sha256, expires_at, created_at
            )
            SELECT gen_random_uuid(), $1, 'AVATAR', 'old.png', 'image/png',
                least(10485760, $2::bigint - place), repeat('0', 64), $3, $4
            FROM generate_series(0, $2::bigint - 1, 10485760) AS place
            """,
            person.id,
            self.process.settings.upload_quota_bytes - left,
            now + timedelta(hours=12),
            now - timedelta(hours=12),
        )

    async def pay(self, person: Person, order_id: str) -> Any:
        """Pay an order."""
        return await orders_buying.pay(self.request(person), {"id": order_id}, key=new_key())

    async def refund(self, order_id: str, **what: Any) -> Any:
        """Refund an order as a manager does; all that is left unless said otherwise."""
        manager = await self._manager()
        raw = {"id": order_id, **what}
        return await refunds.create(self.request(manager), raw, key=new_key())

    async def revoke(self, person: Person) -> None:
        """End somebody's session."""
        await self.execute(
            "UPDATE sessions SET revoked_at = $2 WHERE id = $1",
            person.session_id,
            self.process.clock(),
        )
        await self.process.revocations.poll()

    async def only_admins(self, *people: Person) -> None:
        """Nobody else administers from now on."""
        await self.execute(
            "UPDATE users SET role = 'MANAGER' WHERE role = 'ADMIN' AND id <> ALL($1::uuid[])",
            [person.id for person in people],
        )

    async def balance(self, person: Person) -> Decimal:
        """What somebody's wallet holds."""
        return await self.value("SELECT balance FROM accounts WHERE user_id = $1", person.id)

    async def stock(self, product_id: str) -> tuple[int, int]:
        """A product's pieces: on hand, held."""
        [row] = await self.rows("SELECT on_hand, held FROM stock WHERE product_id = $1", product_id)
        return row["on_hand"], row["held"]

    async def last_audit(self, action: str, actor: Person) -> dict[str, Any] | None:
        """The newest audit row of an actor's operation."""
        rows = await self.rows(
            "SELECT * FROM audit_log WHERE action = $1 AND actor_id = $2 "
            "ORDER BY created_at DESC, id DESC LIMIT 1",
            action,
            actor.id,
        )
        return rows[0] if rows else None

    async def audits_of(self, request_id: str) -> list[dict[str, Any]]:
        """The audit rows of one request."""
        return await self.rows("SELECT * FROM audit_log WHERE request_id = $1", request_id)

    async def audits(self, person: Person) -> list[tuple[str, str]]:
        """What somebody did and how it ended, oldest first."""
        rows = await self.rows(
            "SELECT action, outcome FROM audit_log WHERE actor_id = $1 ORDER BY created_at, id",
            person.id,
        )
        return [(row["action"], row["outcome"]) for row in rows]

    async def digest(self) -> Mapping[str, str | None]:
        """A fingerprint of every business table: equal ones mean that nothing changed."""
        async with self.process.database.connection() as connection:
            return dict(await connection.fetch(_DIGEST))

    @asynccontextmanager
    async def unchanged(self) -> AsyncIterator[None]:
        """The block must leave every business table as it was."""
        before = await self.digest()
        yield
        after = await self.digest()
        changed = [table for table, value in after.items() if value != before[table]]
        assert not changed, f"changed: {', '.join(changed)}"

    async def jobs(self, name: str) -> list[dict[str, Any]]:
        """The payloads of the queued jobs with this name, oldest first."""
        rows = await self.rows("SELECT payload FROM jobs WHERE entrypoint = $1 ORDER BY id", name)
        return [msgspec.json.decode(row["payload"]) for row in rows]

    async def failed_job(self, name: str = "tests.failed") -> str:
        """A job that failed and is kept; its id."""
        request = self.request()
        async with self.process.database.transaction(request.stats) as tx:
            id = await put(
                tx, self.process.clock(), request.id, name, {"secret": "ada@example.com"}
            )
        await self.execute("UPDATE jobs SET status = 'failed' WHERE dedupe_key = $1", id)
        return id

    async def execute(self, sql: str, *values: Any) -> None:
        """Run a statement; what it says of products and categories is seen at once."""
        async with self.process.database.connection() as connection:
            await connection.execute(sql, *values)
        if re.search("products|stock|categories", sql):
            tags = [f"{kind}:{id}" for kind in ("product", "category") for id in values]
            await self.process.cache.bump(["product", "category", *tags])

    async def value(self, sql: str, *values: Any) -> Any:
        """The one value of a query."""
        async with self.process.database.connection() as connection:
            return await connection.fetchval(sql, *values)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        async with self.process.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(sql, *values)]

    def renewed(self, person: Person) -> Person:
        """Somebody with a new token of the same session."""
        process = self.process
        token = process.tokens.issue(person.id, person.session_id, person.role, process.clock())
        return replace(person, token=token)

    async def _manager(self) -> Person:
        if self._keeper is None:
            self._keeper = await self.person("MANAGER")
        # A test may have moved the clock beyond the token's time.
        return self.renewed(self._keeper)

    _keeper: Person | None = field(default=None, init=False)


@contextmanager
def uncrossed() -> Iterator[None]:
    """No transaction of the block is run again because it was in another one's way."""
    with structlog.testing.capture_logs() as lines:
        yield
    assert "crossed transactions" not in {line["event"] for line in lines}


async def good_call(shop: Shop, operation: str, owner: Person) -> tuple[dict[str, Any], str | None]:
    """Values and a key that make an operation go well for the owner of what it is about."""
    key = new_key()
    name = unique("ada")
    match operation:
        case "auth.register":
            email = f"{name}@example.com"
            return {
                "email": email,
                "username": name,
                "password": PASSWORD,
                "fullName": "Ada Lovelace",
            }, None
        case "auth.login":
            return {"email": owner.email, "password": PASSWORD}, None
        case "auth.refresh" | "auth.logout":
            return {"refreshToken": (await shop.person()).refresh_token}, None
        case "auth.requestPasswordReset":
            return {"email": owner.email}, None
        case "auth.resetPassword":
            token = await shop.mailed(await shop.person(), Purpose.RESET_PASSWORD)
            return {"token": token, "newPassword": "another-password"}, None
        case "auth.verifyEmail":
            return {"token": await shop.mailed(await shop.person(), Purpose.VERIFY_EMAIL)}, None
        case "auth.logoutEverywhere" | "auth.resendVerification":
            return {}, key
        case "sessions.revoke":
            return {"id": (await shop.signed_in_again(owner)).session_id}, key
        case "apiKeys.create":
            return {"name": name, "permissions": ["orders:read:own"]}, None
        case "apiKeys.revoke":
            return {"id": (await shop.machine(owner, "orders:read:own")).key_id}, key
        case "users.updateMe":
            return {"fullName": f"Ada {name}"}, key
        case "users.changePassword":
            return {"currentPassword": PASSWORD, "newPassword": PASSWORD}, None
        case "users.deleteMe":
            await shop.person("ADMIN")  # the caller may be one, and must not be the last
            return {"password": PASSWORD}, None
        case "users.get":
            return {"id": owner.id}, None
        case "users.revokeSessions":
            return {"id": (await shop.person()).id}, key
        case "users.create":
            return {
                "email": f"{name}@example.com",
                "username": name,
                "password": PASSWORD,
                "fullName": "Ada Lovelace",
                "role": "MANAGER",
            }, None
        case "users.update":
            return {"id": (await shop.person()).id, "fullName": f"Ada {name}"}, key
        case "categories.get":
            return {"id": await shop.shelf()}, None
        case "categories.create":
            return {"slug": unique("shelf-"), "name": f"Shelf {name}"}, key
        case "categories.update":
            return {"id": await shop.category(), "name": f"Shelf {name}"}, key
        case "categories.delete":
            return {"id": await shop.category()}, key
        case "products.get":
            return {"id": (await shop.product()).id}, None
        case "products.create":
            category = await shop.shelf()
            return {"name": f"Lamp {name}", "price": "5.00", "categoryId": category}, key
        case "products.update":
            return {"id": (await shop.product()).id, "name": f"Lamp {name}"}, key
        case "products.archive":
            return {"id": (await shop.product()).id}, key
        case "products.adjustStock":
            return {"id": (await shop.product()).id, "delta": 1}, key
        case "products.setImage":
            upload = await shop.upload(owner, "PRODUCT_IMAGE")
            return {"id": (await shop.product()).id, "uploadId": upload.id}, key
        case "products.removeImage":
            return {"id": (await shop.product()).id}, key
        case "users.setAvatar":
            return {"uploadId": (await shop.upload(owner)).id}, key
        case "users.removeAvatar":
            return {}, key
        case "uploads.create":
            return {"purpose": "AVATAR", **declared(picture())}, key
        case "uploads.get":
            return {"id": (await shop.upload(owner)).id}, None
        case "deposits.create":
            return {"amount": "5.00"}, key
        case "deposits.get":
            return {"id": (await shop.deposit(owner, "5.00")).id}, None
        case "orders.create" | "orders.quote":
            product = (await shop.product()).id
            values = {"lines": [{"productId": product, "quantity": 1}]}
            return values, key if operation == "orders.create" else None
        case "orders.get" | "orders.history":
            return {"id": (await shop.order(owner)).id}, None
        case "orders.pay" | "orders.cancel":
            return {"id": (await shop.order(owner)).id}, key
        case "orders.updateStatus":
            return {"id": (await shop.order(owner, paid=True)).id, "status": "CONFIRMED"}, key
        case "approvals.approve" | "approvals.reject":
            return {"id": (await shop.large_order()).id}, key
        case "orders.refund":
            order = await shop.order(owner, paid=True)
            return {"id": order.id, "amount": "5.00", "reason": "A scratch."}, key
        case "refunds.list":
            order = await shop.order(owner, paid=True)
            await shop.refund(order.id, amount="5.00")
            return {"id": order.id}, None
        case "payments.get":
            order = await shop.order(owner)
            return {"id": (await shop.pay(owner, order.id)).id}, None
        case "invoices.get" | "invoices.pdf":
            return {"id": (await shop.invoice(owner)).id}, None
        case "coupons.get":
            return {"id": (await shop.coupon()).id}, None
        case "coupons.create":
            return {"code": unique("C"), "kind": "PERCENT", "value": "10.00"}, key
        case "coupons.update":
            return {"id": (await shop.coupon()).id, "value": "5.00"}, key
        case "coupons.deactivate":
            return {"id": (await shop.coupon()).id}, key
        case "coupons.check":
            return {"code": (await shop.coupon()).code, "subtotal": "20.00"}, None
        case "reports.sales":
            return {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, None
        case "posts.get" | "posts.like" | "comments.list":
            return {"id": (await shop.post(owner)).id}, key if operation == "posts.like" else None
        case "posts.create":
            content = {"content": "Ten characters, and then some.", "category": "HEALTH"}
            return {"title": f"Post {name}", "isPublished": True, **content}, key
        case "posts.update":
            return {"id": (await shop.post(owner, is_published=False)).id, "tags": ["new"]}, key
        case "posts.delete":
            return {"id": (await shop.post(owner, is_published=False)).id}, key
        case "posts.unpublish":
            return {"id": (await shop.post(owner)).id, "reason": "It advertises."}, key
        case "posts.restore":
            return {"id": (await shop.unpublished(owner)).id}, key
        case "posts.unlike":
            return {"id": (await shop.post(owner, liked=True)).id}, key
        case "comments.get" | "comments.replies":
            return {"id": (await shop.comment(owner)).id}, None
        case "comments.create":
            return {"id": (await shop.post(owner)).id, "content": f"Well put, {name}."}, key
        case "comments.update":
            draft = await shop.post(owner, is_published=False)
            comment = await shop.comment(owner, draft.id)
            return {"id": comment.id, "content": f"Well put, {name}."}, key
        case "comments.delete":
            draft = await shop.post(owner, is_published=False)
            return {"id": (await shop.comment(owner, draft.id)).id}, key
        case "comments.remove":
            return {"id": (await shop.comment(owner)).id, "reason": "It insults."}, key
        case "comments.restore":
            return {"id": (await shop.removed(owner)).id}, key
        case "projects.get":
            return {"id": (await shop.project(owner)).id}, None
        case "projects.create":
            return {"name": f"Project {name}", "budget": "250.00", "deadline": "2999-12-31"}, key
        case "projects.update":
            return {"id": (await shop.project(owner)).id, "name": f"Project {name}"}, key
        case "projects.delete":
            return {"id": (await shop.project(owner)).id}, key
        case "jobs.get":
            return {"id": await shop.failed_job()}, None
        case "jobs.retry" | "jobs.discard":
            return {"id": await shop.failed_job()}, key
        case _:
            return {}, None
