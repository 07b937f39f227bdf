"""The books: clean over a real shop, and naming each fault that is planted in one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from api.cli import books
from api.local.demo.seed import seed
from persistence.wallet import PROVIDER, SHOP
from services.audit.chain import seal_new
from services.books.running import CHECKS, Unreadable, _run, run_checks
from services.ids import new_id
from services.jobs.queue import Job
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Shop

NAMES = {check.name for check in CHECKS}
USER = "(SELECT id FROM users WHERE username = 'user')"
WALLET = f"(SELECT id FROM accounts WHERE user_id = {USER})"

# With the triggers on, the ledger keeps balances true while money goes where it should not.
MOVE_MONEY = """
SET session_replication_role = origin;
WITH transfer AS (
    INSERT INTO transfers (id, kind, order_id) VALUES (gen_random_uuid(), '{kind}', {order})
    RETURNING id
)
INSERT INTO postings (id, transfer_id, account_id, amount)
SELECT gen_random_uuid(), id, account, amount FROM transfer,
    (VALUES ({wallet}, {amount}.00), ('{other}'::uuid, -({amount}.00))) AS side(account, amount)
"""


#: A condition on orders that move no money and hold none.
GIVEN_UP = "coupon_id IS NULL AND payment_status = 'UNPAID' AND status = 'CANCELLED'"


def own_order(status: str, payment_status: str) -> str:
    """SQL for an order of the demo customer's."""
    return (
        f"(SELECT id FROM orders WHERE customer_id = {USER} AND status = '{status}' "
        f"AND payment_status = '{payment_status}' ORDER BY id LIMIT 1)"
    )


def money(kind: str, order: str, amount: int, other: str = SHOP) -> str:
    """SQL that moves an amount into the demo customer's wallet (or, negative, out of it)."""
    return MOVE_MONEY.format(kind=kind, order=order, amount=amount, other=other, wallet=WALLET)


def event(id: str, amount: str = "amount", failure: str = "NULL", settled: str = "true") -> str:
    """SQL for an event of the provider's about the first deposit."""
    return (
        "INSERT INTO provider_events (id, deposit_id, amount, currency, failure_code, settled) "
        f"SELECT {id}, id, {amount}, currency, {failure}, {settled} "
        f"FROM deposits WHERE id = {first('deposits')}"
    )


def first(table: str, condition: str = "true", key: str = "id", limit: int = 1) -> str:
    """SQL for the first rows' keys."""
    return f"(SELECT {key} FROM {table} WHERE {condition} ORDER BY {key} LIMIT {limit})"


ONE_MORE, ONE_LESS = (f"amount {sign} 1" for sign in "+-")
SOLD_ONE = "kind = 'SOLD' AND quantity = -1"
UNCORRECTED = (
    "kind = 'INVOICE' AND id NOT IN "
    "(SELECT corrects_id FROM invoices WHERE corrects_id IS NOT NULL)"
)
REVENUE = "shop revenue is payments less refunds"

REDEMPTIONS = "orders hold, use and release coupons by their status"
DISCOUNTS = "discounts are what coupons take off"
REDEEMED_COUPON = first("coupons", "id IN (SELECT coupon_id FROM coupon_redemptions)")


def redeeming(status: str) -> str:
    """SQL for the first order whose redemption has this status."""
    return first("coupon_redemptions", f"status = '{status}'", "order_id")


FAULTS = {
    "a provider's posting too high, another too low": (
        {"transfers sum to zero"},
        f"""
        UPDATE postings SET amount = {ONE_MORE}
        WHERE id = {first("postings", f"account_id = '{PROVIDER}'")};
        UPDATE postings SET amount = {ONE_LESS}
        WHERE id = (SELECT max(id::text)::uuid FROM postings WHERE account_id = '{PROVIDER}')
        """,
    ),
    "a posting without a transfer": (
        {"all postings sum to zero"},
        f"""
        INSERT INTO postings (id, transfer_id, account_id, amount)
        VALUES (gen_random_uuid(), gen_random_uuid(), '{PROVIDER}', 1)
        """,
    ),
    "money out of nothing, properly booked": (
        {"transfers have a cause"},
        money("DEPOSIT", "NULL", 100, PROVIDER),
    ),
    "a deposit's transfer that names an order": (
        {"transfers have a cause"},
        f"""
        UPDATE transfers SET order_id = {first("orders")}
        WHERE id = {first("transfers", "kind = 'DEPOSIT'")}
        """,
    ),
    "a balance changed by hand": (
        {"wallets hold the sum of their postings"},
        f"UPDATE accounts SET balance = balance + 1 WHERE id = {WALLET}",
    ),
    "a balance-after changed by hand": (
        {"balances after postings follow each other"},
        f"""
        UPDATE postings SET balance_after = balance_after + 1
        WHERE id = {first("postings", f"account_id = {WALLET}")}
        """,
    ),
    "a posting without its balance-after": (
        {"balances after postings follow each other"},
        f"""
        UPDATE postings SET balance_after = NULL
        WHERE id = {first("postings", f"account_id = {WALLET}")}
        """,
    ),
    "a deposit removed with every trace": (
        {"wallets are not negative"},
        f"""
        CREATE TEMP TABLE gone AS SELECT transfers.id, deposit_id FROM transfers
        WHERE deposit_id = (SELECT id FROM deposits WHERE user_id = {USER} ORDER BY id LIMIT 1);
        DELETE FROM postings WHERE transfer_id IN (SELECT id FROM gone);
        DELETE FROM transfers WHERE id IN (SELECT id FROM gone);
        DELETE FROM deposits WHERE id IN (SELECT deposit_id FROM gone);
        UPDATE postings SET balance_after = running.balance
        FROM (SELECT id, sum(amount) OVER (ORDER BY created_at, id) AS balance
              FROM postings WHERE account_id = {WALLET}) AS running
        WHERE running.id = postings.id;
        UPDATE accounts SET balance = (SELECT sum(amount) FROM postings WHERE account_id = {WALLET})
        WHERE id = {WALLET}
        """,
    ),
    "a sale noted with one piece too many": (
        {"stock on hand is the sum of its movements"},
        f"""
        UPDATE stock_movements SET quantity = -2 WHERE id = {first("stock_movements", SOLD_ONE)}
        """,
    ),
    "a piece gone, and a sale's note made to fit": (
        {"on hand and sold are what came in"},
        f"""
        UPDATE stock SET on_hand = on_hand - 1 WHERE product_id = (
            SELECT product_id FROM stock_movements
            WHERE id = {first("stock_movements", SOLD_ONE)});
        UPDATE stock_movements SET quantity = -2 WHERE id = {first("stock_movements", SOLD_ONE)}
        """,
    ),
    "stock changed by hand": (
        {"stock on hand is the sum of its movements", "on hand and sold are what came in"},
        f"UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = {first('products')}",
    ),
    "an adjustment recorded that never was": (
        {"stock on hand is the sum of its movements", "on hand and sold are what came in"},
        f"""
        INSERT INTO stock_movements (id, kind, product_id, quantity, note)
        VALUES (gen_random_uuid(), 'ADJUSTED', {first("products")}, -1, 'Found broken.')
        """,
    ),
    "pieces adjusted away that an order waits for": (
        {"held stock lies between none and on hand"},
        f"""
        ALTER TABLE stock DROP CONSTRAINT stock_held_on_hand_check;
        INSERT INTO stock_movements (id, kind, product_id, quantity)
        SELECT gen_random_uuid(), 'ADJUSTED', product_id, -on_hand FROM stock
        WHERE product_id = {first("stock", "held > 0", "product_id")};
        UPDATE stock SET on_hand = 0
        WHERE product_id = {first("stock", "held > 0", "product_id")}
        """,
    ),
    "a hold that was never let go": (
        {"held stock is what waiting orders want"},
        f"""
        UPDATE stock SET held = held + 1
        WHERE product_id = {first("stock", "on_hand > held", "product_id")}
        """,
    ),
    "a wallet that holds money for no order": (
        {"wallets hold what waiting orders cost"},
        f"UPDATE accounts SET held = held + 1 WHERE id = {WALLET}",
    ),
    "an order paid a second time": (
        {"no order is paid twice", REVENUE},
        money("PAYMENT", own_order("PAID", "PAID"), -20),
    ),
    "a refunded payment that does not say so": (
        {"payments say whether they were refunded"},
        f"""
        UPDATE payments SET status = 'COMPLETED'
        WHERE id = {first("payments", "status = 'REFUNDED'")}
        """,
    ),
    "payments of other amounts than the orders": (
        {"paid orders have their payment"},
        f"""
        UPDATE payments SET amount = {ONE_MORE} WHERE id = {first("payments")};
        UPDATE payments SET amount = {ONE_LESS}
        WHERE id = (SELECT max(id::text)::uuid FROM payments)
        """,
    ),
    "a refund that reverses nothing": (
        {"refunds have their transfer"},
        f"""
        UPDATE transfers SET reverses_id = NULL WHERE id = {first("transfers", "kind = 'REFUND'")}
        """,
    ),
    "a refund that nobody noted": (
        {"orders are refunded by their refunds", REVENUE},
        money("REFUND", own_order("PAID", "PAID"), 20),
    ),
    "more given back than was paid, properly noted": (
        {
            "no order is refunded more than was paid",
            "payment status fits what was refunded",
            "refunds have their credit note or wait for it",
        },
        f"""
        ALTER TABLE orders DROP CONSTRAINT orders_refunded_check;
        {money("REFUND", own_order("CANCELLED", "REFUNDED"), 20)};
        SET session_replication_role = replica;
        UPDATE transfers SET reverses_id = transfer_id FROM payments
        WHERE payments.order_id = transfers.order_id
            AND transfers.order_id = {own_order("CANCELLED", "REFUNDED")} AND kind = 'REFUND';
        INSERT INTO refunds (id, order_id, payment_id, transfer_id, amount, currency, restocked)
        SELECT gen_random_uuid(), order_id, (SELECT id FROM payments WHERE order_id = t.order_id),
            id, 20.00, 'EUR', false
        FROM transfers AS t WHERE order_id = {own_order("CANCELLED", "REFUNDED")}
            AND kind = 'REFUND' AND id NOT IN (SELECT transfer_id FROM refunds);
        UPDATE orders SET refunded = refunded + 20
        WHERE id = {own_order("CANCELLED", "REFUNDED")}
        """,
    ),
    "an order refunded in part of which nothing was": (
        {"payment status fits what was refunded"},
        f"""
        ALTER TABLE orders DROP CONSTRAINT orders_refunded_check;
        UPDATE orders SET payment_status = 'PARTIALLY_REFUNDED'
        WHERE id = {own_order("PAID", "PAID")}
        """,
    ),
    "a refund's line of another amount": (
        {"refunds of pieces are the sum of their lines"},
        f"""
        UPDATE refund_lines SET amount = {ONE_MORE}
        WHERE (refund_id, position) = ({first("refund_lines", key="refund_id")}, 0)
        """,
    ),
    "a piece refunded that was not bought": (
        {"no piece is refunded that was not bought"},
        f"""
        UPDATE refund_lines SET quantity = quantity + 1
        WHERE (refund_id, position) = ({first("refund_lines", key="refund_id")}, 0)
        """,
    ),
    "a refund's line of another product": (
        {"no piece is refunded that was not bought"},
        f"""
        UPDATE refund_lines SET product_id = {first("products")}
        WHERE (refund_id, position) = ({first("refund_lines", key="refund_id")}, 0)
        """,
    ),
    "pieces that came back of another order": (
        {"pieces come back as their refunds say"},
        f"""
        UPDATE stock_movements SET order_id = {own_order("PAID", "PAID")}
        WHERE id = {first("stock_movements", "kind = 'RETURNED'")}
        """,
    ),
    "pieces said to have come back that did not": (
        {"pieces come back as their refunds say", "on hand and sold are what came in"},
        f"""
        UPDATE refunds SET restocked = true
        WHERE id = {first("refunds", "NOT restocked")}
        """,
    ),
    "a refund in another currency": (
        {"currencies agree"},
        f"UPDATE refunds SET currency = 'USD' WHERE id = {first('refunds')}",
    ),
    "a product in another currency than the shop's": (
        {"currencies agree"},
        f"UPDATE products SET currency = 'USD' WHERE id = {first('products')}",
    ),
    "a price with fewer decimals than its currency": (
        {"amounts have the decimals of their currency"},
        f"UPDATE products SET price = 20 WHERE id = {first('products')}",
    ),
    "a line with more decimals than its order's currency": (
        {"amounts have the decimals of their currency"},
        f"""
        UPDATE order_lines SET unit_price = unit_price + 0.000
        WHERE (order_id, position) = ({first("orders")}, 0)
        """,
    ),
    "a charge for an order that stays unpaid": (
        {"unpaid orders have moved no money", REVENUE},
        money("PAYMENT", own_order("PENDING", "UNPAID"), -20),
    ),
    "a subtotal changed by hand": (
        {"order totals are the sum of their lines less the discount"},
        f"""
        UPDATE orders SET subtotal = subtotal + 1, total = total + 1
        WHERE id = {first("orders", GIVEN_UP)}
        """,
    ),
    "an order without lines": (
        {"order totals are the sum of their lines less the discount"},
        f"""
        SET session_replication_role = origin;
        INSERT INTO orders (id, customer_id, status, payment_status, subtotal, total, tax, currency,
            cancelled_at)
        VALUES (gen_random_uuid(), {USER}, 'CANCELLED', 'UNPAID', 5, 5, 1, 'EUR', now());
        SET session_replication_role = replica;
        INSERT INTO order_history (id, order_id, from_status, to_status)
        SELECT gen_random_uuid(), orders.id, step.*
        FROM orders, (VALUES (NULL, 'PENDING'), ('PENDING', 'CANCELLED')) AS step
        WHERE NOT EXISTS (SELECT FROM order_history WHERE order_id = orders.id)
        """,
    ),
    "more redemptions than a limit allows": (
        {"coupons are redeemed within their limits"},
        "UPDATE coupons SET usage_limit = 1 WHERE code = 'FIVER'",
    ),
    "more redemptions of one user than a limit allows": (
        {"coupons are redeemed within their limits", REDEMPTIONS},
        f"""
        UPDATE coupons SET per_user_limit = 1 WHERE id = {REDEEMED_COUPON};
        UPDATE coupon_redemptions SET user_id = {USER} WHERE coupon_id = {REDEEMED_COUPON}
        """,
    ),
    "a coupon held by an order that is paid": (
        {REDEMPTIONS},
        f"UPDATE coupon_redemptions SET status = 'HELD' WHERE order_id = {redeeming('USED')}",
    ),
    "a coupon that was never let go": (
        {REDEMPTIONS},
        f"UPDATE coupon_redemptions SET status = 'USED' WHERE order_id = {redeeming('RELEASED')}",
    ),
    "an order that redeems without a redemption": (
        {REDEMPTIONS, DISCOUNTS},
        f"DELETE FROM coupon_redemptions WHERE order_id = {redeeming('USED')}",
    ),
    "a redemption of another amount than the discount": (
        {DISCOUNTS},
        f"""
        UPDATE coupon_redemptions SET amount = {ONE_MORE} WHERE order_id = {redeeming("USED")}
        """,
    ),
    "a coupon made dearer after its use": (
        {DISCOUNTS},
        f"UPDATE coupons SET value = value + 1 WHERE id = {REDEEMED_COUPON}",
    ),
    "a discount that no coupon gives": (
        {DISCOUNTS},
        f"""
        UPDATE orders SET discount = 1.00, total = total - 1
        WHERE id = {first("orders", GIVEN_UP)}
        """,
    ),
    "a unit price changed by hand": (
        {"line totals are price times quantity"},
        f"""
        UPDATE order_lines SET unit_price = unit_price + 1
        WHERE (order_id, position) = ({first("orders")}, 0)
        """,
    ),
    "a paid order that was never paid": (
        {"payment status and times fit the status"},
        f"UPDATE orders SET paid_at = NULL WHERE id = {own_order('PAID', 'PAID')}",
    ),
    "a transition that was not noted": (
        {"histories lead to the status by allowed steps"},
        f"""
        DELETE FROM order_history WHERE id = {first("order_history", "to_status = 'PAID'")}
        """,
    ),
    "a transition that is not allowed": (
        {"histories lead to the status by allowed steps"},
        f"""
        UPDATE order_history SET from_status = NULL WHERE order_id = {own_order("PAID", "PAID")}
            AND to_status = 'PAID';
        DELETE FROM order_history WHERE order_id = {own_order("PAID", "PAID")}
            AND to_status = 'PENDING'
        """,
    ),
    "a deposit that the shop paid for": (
        {REVENUE},
        f"""
        UPDATE postings SET account_id = '{SHOP}'
        WHERE id = {first("postings", f"account_id = '{PROVIDER}'")}
        """,
    ),
    "a deposit of another amount than its transfer": (
        {"deposits have their transfer once they succeed"},
        f"UPDATE deposits SET amount = {ONE_MORE} WHERE id = {first('deposits')}",
    ),
    "a failed deposit that brought money": (
        {"deposits have their transfer once they succeed"},
        f"""
        UPDATE deposits SET status = 'FAILED', failure_code = 'DECLINED'
        WHERE id = {first("deposits")}
        """,
    ),
    "a deposit that two events settled": (
        {"deposits agree with the provider's events"},
        f"""
        DROP INDEX provider_events_settled_key;
        {event("'one'")};
        {event("'two'")}
        """,
    ),
    "an event about another amount": (
        {"deposits agree with the provider's events"},
        event("'one'", amount="amount + 1", settled="false"),
    ),
    "a late event that says that the money never came": (
        {"deposits agree with the provider's events"},
        event("'one'", failure="'CARD_DECLINED'", settled="false"),
    ),
    "a key without its outcome": (
        {"idempotency keys have their outcome"},
        f"""
        INSERT INTO idempotency_keys (caller_id, operation, key, fingerprint, created_at)
        VALUES ({USER}, 'orders.pay', 'k', '', now() - interval '2 minutes')
        """,
    ),
    "an invoice removed, and its order forgotten": (
        {"invoice numbers have no gaps", "payments have their invoice or wait for it"},
        f"DELETE FROM invoices WHERE id = {first('invoices', UNCORRECTED + ' AND sequence > 1')}",
    ),
    "the last invoice removed, and its order waiting": (
        {"invoice numbers have no gaps"},
        """
        CREATE TEMP TABLE gone AS SELECT id, order_id FROM invoices WHERE kind = 'INVOICE'
        ORDER BY year DESC, sequence DESC LIMIT 1;
        DELETE FROM invoices WHERE id IN (SELECT id FROM gone);
        INSERT INTO jobs (priority, status, entrypoint, payload)
        SELECT 0, 'failed', 'invoices.issue',
            convert_to(format('{"data": {"orderId": "%s"}}', order_id), 'UTF8') FROM gone
        """,
    ),
    "an invoice under the number of another": (
        {"invoice numbers have no gaps"},
        f"UPDATE invoices SET number = 'x' WHERE id = {first('invoices', UNCORRECTED)}",
    ),
    "a counter set back": (
        {"invoice numbers have no gaps"},
        "UPDATE invoice_counters SET last = last - 1",
    ),
    "an invoice of another amount": (
        {"invoices say what was paid", "invoices add up"},
        f"""
        UPDATE invoices SET snapshot = snapshot || '{{"total": "1.00"}}'
        WHERE id = {first("invoices", UNCORRECTED)}
        """,
    ),
    "an invoice whose lines were changed": (
        {"invoices add up"},
        f"""
        UPDATE invoices SET snapshot = snapshot || '{{"lines": []}}'
        WHERE id = {first("invoices", UNCORRECTED)}
        """,
    ),
    "a credit note removed, and its refund forgotten": (
        {"invoice numbers have no gaps", "refunds have their credit note or wait for it"},
        f"""
        DELETE FROM invoices WHERE id = {first("invoices", "kind = 'CREDIT_NOTE' AND sequence = 2")}
        """,
    ),
    "a credit note of another amount": (
        {
            "credit notes say what was given back",
            "credit notes have the tax of what they correct",
            "invoices add up",
        },
        f"""
        UPDATE invoices SET snapshot = snapshot || '{{"total": "999999.00"}}'
        WHERE id = {first("invoices", "kind = 'CREDIT_NOTE'")}
        """,
    ),
    "a credit note of another tax": (
        {"credit notes have the tax of what they correct"},
        f"""
        UPDATE invoices SET snapshot = snapshot || '{{"tax": "0.00"}}'
        WHERE id = {first("invoices", "kind = 'CREDIT_NOTE'")}
        """,
    ),
    "a credit note that corrects another order's invoice": (
        {"credit notes say what was given back"},
        f"""
        UPDATE invoices SET order_id = {first("invoices", UNCORRECTED, "order_id")}
        WHERE id = {first("invoices", "kind = 'CREDIT_NOTE'")}
        """,
    ),
    "an audit entry kept from its seal": (
        {"audit entries are sealed or wait for it"},
        """
        INSERT INTO audit_log (id, action, changed, outcome, request_id)
        VALUES (gen_random_uuid(), 'orders.pay', '{}', 'OK', 'r')
        """,
    ),
    "a sealed audit entry that is to be sealed again": (
        {"audit entries are sealed or wait for it"},
        "INSERT INTO audit_unsealed SELECT entry_id FROM audit_seals WHERE position = 3",
    ),
    "an audit entry removed": (
        {"audit seals have their entry"},
        "DELETE FROM audit_log WHERE id = (SELECT entry_id FROM audit_seals WHERE position = 3)",
    ),
    "an audit entry removed with its seal": (
        {"audit seals follow each other without gaps"},
        """
        DELETE FROM audit_log WHERE id = (SELECT entry_id FROM audit_seals WHERE position = 3);
        DELETE FROM audit_seals WHERE position = 3
        """,
    ),
    "a seal's hash changed by hand": (
        {"audit seals follow each other without gaps"},
        "UPDATE audit_seals SET hash = sha256('x') WHERE position = 3",
    ),
    "an audit entry sealed twice": (
        {"no audit entry is sealed twice"},
        """
        ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_entry_id_key;
        INSERT INTO audit_seals (position, entry_id, previous, hash, key_id)
        SELECT position + 1, (SELECT entry_id FROM audit_seals WHERE position = 3), hash,
            sha256('x'), key_id
        FROM audit_seals ORDER BY position DESC LIMIT 1;
        UPDATE audit_chain SET position = position + 1, hash = sha256('x')
        """,
    ),
    "the audit log's tail cut off": (
        {"the audit chain ends with its last seal"},
        """
        DELETE FROM audit_log WHERE id IN (
            SELECT entry_id FROM audit_seals ORDER BY position DESC LIMIT 5);
        DELETE FROM audit_seals WHERE position > (SELECT position - 5 FROM audit_chain)
        """,
    ),
    "a post without its row of views": (
        {"posts have rows that count their views and their score"},
        f"DELETE FROM post_views WHERE post_id = {first('posts')}",
    ),
    "a score changed by hand": (
        {"scores are what views, likes and comments give"},
        f"""
        UPDATE post_views SET updated_at = updated_at - interval '1 hour';
        UPDATE comments SET updated_at = updated_at - interval '1 hour';
        UPDATE post_scores SET score = score + 1 WHERE post_id = {first("posts")}
        """,
    ),
    "a like that was made up": (
        {"likes are recorded in the audit log"},
        f"""
        INSERT INTO post_likes (post_id, user_id)
        SELECT id, {USER} FROM posts WHERE id NOT IN (
            SELECT post_id FROM post_likes WHERE user_id = {USER}) LIMIT 1
        """,
    ),
    "a reply that answers a comment elsewhere": (
        {"replies answer a comment of their post, which answers none"},
        f"""
        UPDATE comments SET parent_id = (
            SELECT id FROM comments AS other WHERE other.post_id <> comments.post_id LIMIT 1)
        WHERE id = {first("comments", "parent_id IS NOT NULL")}
        """,
    ),
    "a deposit in another currency": (
        {"currencies agree"},
        f"UPDATE deposits SET currency = 'USD' WHERE id = {first('deposits')}",
    ),
}


@pytest.fixture(scope="session")
async def seeded(addresses: Addresses) -> AsyncIterator[str]:
    """The name of a database with the demo shop, to be copied."""
    name = f"tandem_seeded_{uuid4().hex[:12]}"
    url = await addresses.create(name)
    settings = settings_for(url, addresses.redis_url)
    assert await seed(settings)
    process = new_process(settings)
    await seal_new(process, Job(new_id(process.clock()), "test", {}))
    await process.close()
    yield name
    await addresses.drop(name)


@asynccontextmanager
async def copied(addresses: Addresses, name: str) -> AsyncIterator[str]:
    """A database of this test alone with the demo shop in it; answers its address."""
    copy = f"tandem_books_{uuid4().hex[:12]}"
    async with addresses.administer() as server:
        await server.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
    yield addresses.database(copy)
    await addresses.drop(copy)


@pytest.fixture
async def demo_shop(addresses: Addresses, seeded: str) -> AsyncIterator[str]:
    """The address of a demo shop to spoil."""
    async with copied(addresses, seeded) as url:
        yield url


async def execute(url: str, sql: str) -> None:
    """Run statements as somebody whom no trigger and no foreign key holds back."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(f"SET session_replication_role = replica; {sql}", timeout=30)
    finally:
        await connection.close(timeout=10)


async def count(url: str, table: str) -> int:
    """How many rows a table has."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(f"SELECT count(*) FROM {table}", timeout=30)
    finally:
        await connection.close(timeout=10)


async def faulty(url: str) -> set[str]:
    """The names of the checks that find something."""
    return {result.name for result in await run_checks(url) if result.wrong}


async def test_the_demo_shop_has_clean_books(demo_shop: str) -> None:
    found = await run_checks(demo_shop)
    assert {result.name: result.ids for result in found if result.wrong} == {}
    # A check that looked at nothing has proved nothing; the seeder leaves no keys behind.
    assert [result.name for result in found if not result.checked] == [
        "idempotency keys have their outcome"
    ]


async def test_the_demo_shop_leaves_no_mail_to_send_and_its_pdfs_to_be_made(
    demo_shop: str,
) -> None:
    invoices = await count(demo_shop, "invoices")
    assert invoices == await count(demo_shop, "payments") + await count(demo_shop, "refunds")
    assert await count(demo_shop, "jobs") == invoices
    assert await count(demo_shop, "jobs WHERE entrypoint = 'invoices.render'") == invoices
    # One after the other, so that there is room between them for what somebody does in the shop.
    assert await count(demo_shop, "(SELECT DISTINCT execute_after FROM jobs) AS turn") == invoices


async def test_an_empty_database_has_clean_books(fresh_database: str) -> None:
    assert await faulty(fresh_database) == set()


@pytest.fixture(scope="session")
async def spoiling(addresses: Addresses, seeded: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a demo shop that faults are planted in and rolled back."""
    async with copied(addresses, seeded) as url:
        connection = await asyncpg.connect(url, timeout=10, server_settings={"jit": "off"})
        yield connection
        await connection.close(timeout=10)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_is_named_by_its_check(
    spoiling: asyncpg.Connection, fault: str
) -> None:
    names, sql = FAULTS[fault]
    transaction = spoiling.transaction()
    await transaction.start()
    try:
        await spoiling.execute(f"SET LOCAL session_replication_role = replica; {sql}", timeout=30)
        found = [await _run(spoiling, check) for check in CHECKS]
    finally:
        await transaction.rollback()
    assert {figure.name for figure in found if figure.wrong} == names


def test_every_check_has_a_planted_fault() -> None:
    assert set.union(*(names for names, _ in FAULTS.values())) == NAMES


async def test_a_shop_is_checked_while_it_sells(addresses: Addresses, seeded: str) -> None:
    async with copied(addresses, seeded) as url:
        process = new_process(settings_for(url, addresses.redis_url))
        shop = Shop(process, "not a hash")
        person = await shop.person(balance="1000.00")
        product = await shop.product("1.00", stock=100)

        async def trade() -> None:
            for number in range(20):
                await shop.order(person, [(product.id, 1)], paid=True, cancelled=number % 2 == 0)

        try:
            trading = asyncio.gather(*(trade() for _ in range(3)))
            while not trading.done():
                assert await faulty(url) == set()
            await trading
        finally:
            await process.close()
        assert await faulty(url) == set()


async def test_the_report_is_aligned_and_ends_with_zero(
    demo_shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await asyncio.to_thread(books.main, ["--database-url", demo_shop])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert len(lines) == len(CHECKS)
    assert all(line.startswith("✓ ") for line in lines)
    assert len({line.index(" checked") for line in lines}) == 1


async def test_a_fault_is_reported_with_at_most_five_ids(
    demo_shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await execute(
        demo_shop,
        "UPDATE orders SET subtotal = subtotal + 1, total = total + 1 WHERE id IN ("
        f"SELECT id FROM orders WHERE {GIVEN_UP} LIMIT 7)",
    )
    code = await asyncio.to_thread(books.main, ["--database-url", demo_shop])
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert code == 1
    assert "order totals are the sum of their lines less the discount" in line
    assert "300 checked, 7 wrong: " in line
    ids = line.partition("wrong: ")[2].split(", ")
    assert len(ids) == 6
    assert ids.pop() == "…"
    assert all(len(id) == 36 for id in ids)


@pytest.mark.parametrize("address", ["postgresql://127.0.0.1:1/none", "nonsense", "empty"])
async def test_a_database_that_cannot_be_read_is_one_sentence_and_two(
    addresses: Addresses, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    url = addresses.database("template1") if address == "empty" else address
    code = await asyncio.to_thread(books.main, ["--database-url", url])
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert printed.err.startswith("books: The database ")
    assert len(printed.err.splitlines()) == 1


async def test_reading_changes_nothing_and_says_when_it_cannot(fresh_database: str) -> None:
    await execute(fresh_database, "DROP TABLE order_history")
    with pytest.raises(Unreadable, match="run tandem migrate"):
        await run_checks(fresh_database)
