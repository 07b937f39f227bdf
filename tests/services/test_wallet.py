"""Wallets, deposits and payments."""

from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Person, Shop, new_key

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def test_a_deposit_settles_at_once(door: Door, shop: Shop, user: Person) -> None:
    raw = {"amount": "25.50"}
    deposit = (await door.call("deposits.create", raw, caller=user, key=new_key())).ok
    assert (deposit["amount"], deposit["currency"]) == ("25.50", "EUR")
    assert (deposit["status"], deposit["failureCode"]) == ("SUCCEEDED", None)
    assert deposit["settledAt"] is not None
    found = (await door.call("deposits.get", {"id": deposit["id"]}, caller=user)).ok
    assert found == deposit
    wallet = (await door.call("wallet.get", caller=user)).ok
    assert (wallet["balance"], wallet["currency"]) == ("25.50", "EUR")
    [entry] = (await door.call("wallet.entries", caller=user)).ok
    assert (entry["kind"], entry["amount"], entry["balanceAfter"]) == ("DEPOSIT", "25.50", "25.50")
    assert (entry["depositId"], entry["orderId"]) == (deposit["id"], None)


async def test_a_deposit_is_made_once_for_a_key(door: Door, shop: Shop, user: Person) -> None:
    key = new_key()
    first = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    again = await door.call("deposits.create", {"amount": "5.00"}, caller=user, key=key)
    assert again.ok == first.ok
    assert again.replayed
    assert await shop.balance(user) == 5


async def test_a_deposit_needs_a_key(door: Door, shop: Shop, user: Person) -> None:
    async with shop.unchanged():
        outcome = await door.call("deposits.create", {"amount": "5"}, caller=user)
    assert (outcome.code, outcome.status) == ("IDEMPOTENCY_KEY_REQUIRED", 400)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0.00", "TOO_SMALL"),
        ("-5", "INVALID_FORMAT"),
        ("1.234", "INVALID_FORMAT"),
        ("1000000000", "TOO_LARGE"),
    ],
)
async def test_a_wrong_amount_is_a_bad_field(
    door: Door, shop: Shop, user: Person, amount: Any, code: str
) -> None:
    async with shop.unchanged():
        outcome = await door.call("deposits.create", {"amount": amount}, caller=user, key=new_key())
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == {"amount": code}


async def test_the_largest_amount_fits(door: Door, shop: Shop, user: Person) -> None:
    raw = {"amount": "999999999.99"}
    assert (await door.call("deposits.create", raw, caller=user, key=new_key())).ok
    assert (await door.call("wallet.get", caller=user)).ok["balance"] == "999999999.99"


async def test_a_wallet_is_its_owners_alone(
    door: Door, shop: Shop, manager: Person, admin: Person
) -> None:
    owner = await shop.person(balance="5.00")
    made = await shop.deposit(owner, "1.00")
    for caller in (manager, admin):
        assert (await door.call("wallet.get", caller=caller)).ok["balance"] == "0.00"
        assert (await door.call("wallet.entries", caller=caller)).ok == []
        outcome = await door.call("deposits.get", {"id": made.id}, caller=caller)
        assert (outcome.code, outcome.status) == ("DEPOSIT_NOT_FOUND", 404)


@pytest.mark.parametrize("id", [UNKNOWN, "nonsense"])
async def test_unknown_deposits_and_payments_are_not_found(
    door: Door, user: Person, id: str
) -> None:
    deposit = await door.call("deposits.get", {"id": id}, caller=user)
    assert (deposit.code, deposit.status) == ("DEPOSIT_NOT_FOUND", 404)
    payment = await door.call("payments.get", {"id": id}, caller=user)
    assert (payment.code, payment.status) == ("PAYMENT_NOT_FOUND", 404)


async def test_a_payment_is_seen_by_the_buyer_and_by_managers(
    door: Door, shop: Shop, other_user: Person, moderator: Person, manager: Person
) -> None:
    buyer = await shop.person(balance="50.00")
    order = await shop.order(buyer)
    payment = await shop.pay(buyer, order.id)
    for caller in (buyer, manager):
        found = (await door.call("payments.get", {"id": payment.id}, caller=caller)).ok
        assert (found["id"], found["orderId"]) == (payment.id, order.id)
        assert found["amount"] == "19.99"
    for caller in (other_user, moderator):
        outcome = await door.call("payments.get", {"id": payment.id}, caller=caller)
        assert outcome.code == "PAYMENT_NOT_FOUND"


async def test_entries_tell_the_balance_after_each(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="50.00")
    product = await shop.product("20.00")
    order = await shop.order(buyer, [(product.id, 1)], paid=True)
    entries = (await door.call("wallet.entries", caller=buyer)).ok
    assert [(entry["amount"], entry["balanceAfter"]) for entry in entries] == [
        ("-20.00", "30.00"),
        ("50.00", "50.00"),
    ]
    assert entries[0]["orderId"] == order.id
