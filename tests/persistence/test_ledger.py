"""What the database keeps true by itself, whatever a program asks of it."""

from decimal import Decimal

import asyncpg
import pytest

from persistence.wallet import PROVIDER, SHOP
from services.ids import new_id
from tests.shop import Person, Shop


async def accounts(shop: Shop, person: Person) -> str:
    return await shop.value("SELECT id FROM accounts WHERE user_id = $1", person.id)


async def transfer(shop: Shop, *postings: tuple[str, str]) -> None:
    """A transfer of these postings, in one transaction."""
    async with shop.process.database.connection() as connection, connection.transaction():
        now = shop.process.clock()
        transfer_id = new_id(now)
        await connection.execute(
            "INSERT INTO transfers (id, kind) VALUES ($1, 'DEPOSIT')", transfer_id
        )
        for account, amount in postings:
            await connection.execute(
                "INSERT INTO postings (id, transfer_id, account_id, amount) "
                "VALUES ($1, $2, $3, $4)",
                new_id(now),
                transfer_id,
                account,
                Decimal(amount),
            )


async def test_a_transfer_that_does_not_sum_to_zero_is_refused(shop: Shop, user: Person) -> None:
    wallet = await accounts(shop, user)
    async with shop.unchanged():
        with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
            await transfer(shop, (wallet, "5.00"))
        with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
            await transfer(shop, (PROVIDER, "-5.00"), (wallet, "5.01"))


async def test_a_balance_follows_its_postings(shop: Shop, user: Person) -> None:
    wallet = await accounts(shop, user)
    await transfer(shop, (PROVIDER, "-5.00"), (wallet, "5.00"))
    await transfer(shop, (wallet, "-1.50"), (SHOP, "1.50"))
    assert await shop.balance(user) == Decimal("3.50")
    query = "SELECT array_agg(balance_after ORDER BY created_at) FROM postings "
    after = f"{query} WHERE account_id = $1"
    assert await shop.value(after, wallet) == [Decimal("5.00"), Decimal("3.50")]


async def test_a_balance_never_goes_below_zero(shop: Shop, user: Person) -> None:
    wallet = await accounts(shop, user)
    async with shop.unchanged():
        with pytest.raises(asyncpg.CheckViolationError, match="accounts_balance_check"):
            await transfer(shop, (wallet, "-0.01"), (SHOP, "0.01"))


@pytest.mark.parametrize(
    "table",
    [
        "transfers",
        "postings",
        "order_history",
        "stock_movements",
        "payments",
        "refunds",
        "refund_lines",
    ],
)
@pytest.mark.parametrize(
    "change", ["DELETE FROM {}", "UPDATE {0} SET {1} = {1}", "TRUNCATE {} CASCADE"]
)
async def test_what_was_written_is_not_changed(shop: Shop, table: str, change: str) -> None:
    async with shop.unchanged():
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await shop.execute(
                change.format(table, "refund_id" if table == "refund_lines" else "id")
            )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("held = on_hand + 1", "stock_held_on_hand_check"),
        ("held = -1", "stock_held_check"),
        ("on_hand = -1, held = -1", "stock_on_hand_check|stock_held_check"),
    ],
)
async def test_stock_is_never_negative_nor_promised_twice(
    shop: Shop, change: str, constraint: str
) -> None:
    product = await shop.product(stock=3)
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await shop.execute(f"UPDATE stock SET {change} WHERE product_id = $1", product.id)


async def test_a_wallet_holds_no_more_than_its_balance(shop: Shop, user: Person) -> None:
    wallet = await accounts(shop, user)
    await transfer(shop, (PROVIDER, "-5.00"), (wallet, "5.00"))
    hold = "UPDATE accounts SET held = $2 WHERE id = $1"
    await shop.execute(hold, wallet, Decimal("5.00"))
    for held, rule in (("5.01", "more than its balance"), ("-0.01", "accounts_held_check")):
        with pytest.raises(asyncpg.CheckViolationError, match=rule):
            await shop.execute(hold, wallet, Decimal(held))
    await shop.execute(hold, wallet, Decimal(0))


async def test_the_shop_holds_nothing(shop: Shop) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="accounts_held_check"):
        await shop.execute("UPDATE accounts SET held = 1 WHERE id = $1", SHOP)


async def test_an_order_has_one_payment(shop: Shop) -> None:
    buyer = await shop.person(balance="99.00")
    order = await shop.order(buyer, paid=True)
    with pytest.raises(asyncpg.UniqueViolationError, match="payments_order_id_key"):
        await shop.execute(
            "INSERT INTO payments (id, order_id, transfer_id, amount, currency) "
            "SELECT $1, order_id, (SELECT id FROM transfers WHERE kind = 'DEPOSIT' LIMIT 1), "
            "amount, currency FROM payments WHERE order_id = $2",
            new_id(shop.process.clock()),
            order.id,
        )


async def test_updated_at_is_the_databases_own(shop: Shop) -> None:
    product = await shop.product()
    await shop.execute("UPDATE products SET updated_at = '2001-01-01' WHERE id = $1", product.id)
    when = "SELECT now() - updated_at < interval '1 minute' FROM products WHERE id = $1"
    assert await shop.value(when, product.id)
