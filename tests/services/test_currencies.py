"""Currencies: amounts have the decimals of ISO 4217, on every face and in the database."""

import io
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import iso4217
import pypdf
import pytest
from pydantic import ValidationError

from api.rest.openapi.documents import openapi
from services import money
from services.books.running import run_checks
from services.catalogue import BY_NAME
from services.deposits.provider import Sandbox
from services.operation.declaration import Key
from services.process import new_database
from services.shop import OtherCurrency, keep_currency
from tests.commands import tandem
from tests.conftest import CHECKOUT, Addresses, settings_for
from tests.currencies import Abroad, shop_in
from tests.faces import FACES, Door
from tests.shop import PASSWORD, Person, Shop, new_key, unique
from tests.worker.work import free_port

_AMOUNTS = {"price", "balance", "held", "amount", "balanceAfter", "subtotal", "discount", "total"}
_AMOUNTS |= {"tax", "refunded", "unitPrice", "minimumOrder"}


@pytest.fixture(scope="module", params=["JPY", "KWD"])
async def abroad(
    request: pytest.FixtureRequest, addresses: Addresses, password_hash: str
) -> AsyncIterator[Abroad]:
    """A shop without decimals, and one with three."""
    async with shop_in(addresses, request.param, password_hash) as abroad:
        yield abroad


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, abroad: Abroad) -> Door:
    """Each face of it."""
    return abroad.faces[request.param]


def _amounts_in(value: Any) -> Iterator[tuple[str, str]]:
    """Every amount of an answer, with its name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in _AMOUNTS and isinstance(inner, str):
                yield name, inner
            else:
                yield from _amounts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _amounts_in(inner)


class Story:
    """Calls one face, and looks at the decimals of every amount that it answers."""

    def __init__(self, abroad: Abroad, face: Door) -> None:
        self._face = face
        places = abroad.currency.decimals
        self._form = re.compile(rf"-?\d+\.\d{{{places}}}" if places else r"-?\d+")

    async def __call__(self, operation: str, caller: Any = None, **values: Any) -> Any:
        key = None if BY_NAME[operation].key is Key.NONE else new_key()
        outcome = await self._face.call(operation, values, caller=caller, key=key)
        answer = outcome.ok
        for name, amount in _amounts_in(answer):
            assert self._form.fullmatch(amount), f"{operation}: {name} is {amount}"
        return answer


async def test_a_shop_goes_through_its_whole_story(abroad: Abroad, face: Door) -> None:
    shop, text, call = abroad.shop, abroad.text, Story(abroad, face)
    manager = await shop.person("MANAGER")
    name = unique("ada")
    made = await face.call(
        "auth.register",
        {
            "email": f"{name}@example.com",
            "username": name,
            "password": PASSWORD,
            "fullName": "Ada Lovelace",
        },
    )
    user = made.ok["user"]
    # Of a person, calls need the token and the id alone.
    buyer = replace(await shop.person(), id=user["id"], token=made.ok["accessToken"])
    wallet = await call("wallet.get", buyer)
    assert (wallet["balance"], wallet["held"]) == (text(0), text(0))
    assert wallet["currency"] == abroad.currency.code

    product = await call(
        "products.create",
        manager,
        name=unique("Lamp "),
        price=text(1999),
        stock=50,
        categoryId=await shop.shelf(),
    )
    assert product["price"] == text(1999)
    await call("deposits.create", buyer, amount=text(1_000_000))
    percent = await call("coupons.create", manager, code=unique("P"), kind="PERCENT", value="12.50")
    assert percent["value"] == "12.50"
    fixed = await call(
        "coupons.create",
        manager,
        code=unique("F"),
        kind="FIXED",
        value=text(500),
        minimumOrder=text(1000),
    )
    assert (fixed["value"], fixed["minimumOrder"]) == (text(500), text(1000))
    lines = [{"productId": product["id"], "quantity": 3}]
    offer = await call("coupons.check", buyer, code=fixed["code"], subtotal=text(501 + 999))
    assert offer["total"] == text(1000)

    quote = await call("orders.quote", buyer, lines=lines, couponCode=percent["code"])
    order = await call("orders.create", buyer, lines=lines, couponCode=percent["code"])
    # 12.5 % of 5997 are 749.625, and 19 % within 5247 are 837.756 minor units.
    wanted = {"subtotal": 5997, "discount": 750, "total": 5247, "tax": 838}
    for found in (quote, order):
        assert {key: found[key] for key in wanted} == {k: text(v) for k, v in wanted.items()}
    held = await call("wallet.get", buyer)
    assert held["held"] == text(5247)
    one = [{"productId": product["id"], "quantity": 1}]
    second = await call("orders.create", buyer, lines=one, couponCode=fixed["code"])
    assert second["total"] == text(1499)
    for placed in (order, second):
        await call("orders.pay", buyer, id=placed["id"])

    first = await call("orders.refund", manager, id=order["id"], amount=text(100))
    assert first["amount"] == text(100)
    pieces = await call("orders.refund", manager, id=order["id"], lines=one)
    assert pieces["amount"] == text(1749)
    rest = await call("orders.refund", manager, id=order["id"])
    assert rest["amount"] == text(5247 - 100 - 1749)
    refunds = await call("refunds.list", buyer, id=order["id"])
    assert len(refunds) == 3
    part = await call("orders.refund", manager, id=second["id"], amount=text(1))
    assert part["amount"] == text(1)

    left = 1_000_000 - 1499 + 1
    wallet = await call("wallet.get", buyer)
    assert (wallet["balance"], wallet["held"]) == (text(left), text(0))
    entries = await call("wallet.entries", buyer)
    assert entries[0]["balanceAfter"] == text(left)
    await call("orders.list", buyer)
    await call("products.list", minPrice=text(1999), maxPrice=text(1999))
    await call("payments.list", buyer)
    await call("wallet.get", buyer)

    invoice = await shop.invoice(buyer, order["id"])
    shown = await call("invoices.get", buyer, id=invoice.id)
    assert shown["total"] == text(5247)
    pdf = await abroad.client.get(f"/api/v2/invoices/{invoice.id}/pdf", headers=buyer.headers)
    [page] = pypdf.PdfReader(io.BytesIO(pdf.content)).pages
    said = page.extract_text().replace("  ", " ")
    grouped = {units: f"{Decimal(text(units)):,f}" for units in (1999, 5997, 750, 5247, 838)}
    assert f"3 {grouped[1999]} {grouped[5997]}" in said
    assert f"Subtotal {grouped[5997]}" in said
    assert f"Discount −{grouped[750]}" in said
    assert f"Total {abroad.currency.code} {grouped[5247]}" in said
    assert f"tax {grouped[838]}" in said

    found = await run_checks(shop.process.settings.database_url)
    assert {result.name: result.ids for result in found if result.wrong} == {}


BAD = {
    "JPY": ["100.50", "100.00", "100.0", "0.5", 100.5, "1e2"],
    "KWD": ["1.2345", "1.2500", 0.0005, "1e-3"],
}
GOOD = {"JPY": [("100", "100"), (100.0, "100")], "KWD": [("1.25", "1.250"), (1.2, "1.200")]}


async def test_too_many_decimals_are_a_bad_field(abroad: Abroad, face: Door) -> None:
    user = await abroad.shop.person()
    for amount in BAD[abroad.currency.code]:
        async with abroad.shop.unchanged():
            outcome = await face.call(
                "deposits.create", {"amount": amount}, caller=user, key=new_key()
            )
        assert outcome.code == "VALIDATION_FAILED", amount
        assert outcome.failure.paths == {"amount": "INVALID_FORMAT"}, amount
    for amount, stored in GOOD[abroad.currency.code]:
        outcome = await face.call("deposits.create", {"amount": amount}, caller=user, key=new_key())
        assert outcome.ok["amount"] == stored


async def test_the_largest_amount_has_the_decimals_too(abroad: Abroad, face: Door) -> None:
    user = await abroad.shop.person()
    largest = str(abroad.currency.largest)
    assert largest == {"JPY": "999999999", "KWD": "999999999.990"}[abroad.currency.code]
    outcome = await face.call("deposits.create", {"amount": largest}, caller=user, key=new_key())
    assert outcome.ok["amount"] == largest
    above = str(abroad.currency.largest + abroad.currency.unit)
    outcome = await face.call("deposits.create", {"amount": above}, caller=user, key=new_key())
    assert outcome.failure.paths == {"amount": "TOO_LARGE"}


async def test_a_coupons_amount_has_the_decimals_and_its_percentage_two(
    abroad: Abroad, face: Door
) -> None:
    manager = await abroad.shop.person("MANAGER")
    wrong = {"FIXED": "5.50" if abroad.currency.code == "JPY" else "5.5555", "PERCENT": "5.555"}
    for kind, value in wrong.items():
        raw = {"code": unique("C"), "kind": kind, "value": value}
        async with abroad.shop.unchanged():
            outcome = await face.call("coupons.create", raw, caller=manager, key=new_key())
        assert outcome.failure.paths == {"value": "INVALID_FORMAT"}, value
    raw = {"code": unique("C"), "kind": "PERCENT", "value": "5.55"}
    coupon = (await face.call("coupons.create", raw, caller=manager, key=new_key())).ok
    assert coupon["value"] == "5.55"
    change = {"id": coupon["id"], "kind": "FIXED"}
    outcome = await face.call("coupons.update", change, caller=manager, key=new_key())
    if abroad.currency.code == "JPY":
        assert outcome.failure.paths == {"value": "INVALID_FORMAT"}
    else:
        assert outcome.ok["value"] == "5.550"


async def test_one_minor_unit_is_left_to_pay(abroad: Abroad) -> None:
    shop, text = abroad.shop, abroad.text
    buyer = await shop.person(balance=text(1000))
    product = await shop.product(text(3), stock=1)
    coupon = await shop.coupon(text(500), "FIXED")
    order = await shop.order(buyer, [(product.id, 1)], couponCode=coupon.code)
    assert (str(order.discount), str(order.total)) == (text(2), text(1))


async def test_the_sandbox_decides_by_minor_units(abroad: Abroad) -> None:
    user = await abroad.shop.person()
    for units, code in Sandbox.DECLINED.items():
        deposit = await abroad.shop.deposit(user, abroad.text(units))
        assert (deposit.status, deposit.failure_code) == ("FAILED", code)
    for units in Sandbox.LATE:
        deposit = await abroad.shop.deposit(user, abroad.text(units))
        assert deposit.status == "PENDING"


async def test_the_served_contract_has_the_decimals(abroad: Abroad) -> None:
    code, places = abroad.currency.code, abroad.currency.decimals
    for version in ("v1", "v2"):
        served = (await abroad.client.get(f"/openapi-{version}.json")).json()
        assert code in served["info"]["description"]
        schemas = served["components"]["schemas"]
        text = schemas["CreateDepositInput"]["properties"]["amount"]
        for amount in BAD[code]:
            if isinstance(amount, str):
                assert not re.search(text["pattern"], amount), amount
        assert re.search(text["pattern"], abroad.text(1999))
        price = schemas["Product"]["properties"]["price"]
        assert re.fullmatch(price["pattern"], abroad.text(1999))
        assert not re.fullmatch(price["pattern"], "19.99")
        [example] = price["examples"]
        assert example == abroad.text(1999)
        assert len(example.partition(".")[2]) == places


def test_the_committed_contracts_are_those_of_the_default_currency() -> None:
    for version in ("v1", "v2"):
        assert openapi(version) == openapi(version, "EUR") != openapi(version, "JPY")
        assert "such as EUR" in (CHECKOUT / f"api/openapi-{version}.json").read_text()


@pytest.mark.parametrize("code", ["ABC", "eur", "EURO", "XAU", "XXX", "CLF", ""])
def test_other_codes_are_no_currency_of_a_shop(code: str) -> None:
    with pytest.raises(ValidationError, match="must be a currency"):
        settings_for("postgresql://127.0.0.1/none", "redis://127.0.0.1", currency=code)


async def test_a_server_does_not_start_in_an_unknown_currency() -> None:
    words = ("serve", "--port", str(free_port()))
    status, said = await tandem(None, *words, TANDEM_CURRENCY="ABC")
    assert status == 1
    assert said.strip() == (
        "tandem: The settings are not valid: TANDEM_CURRENCY must be a currency of ISO 4217,"
        " such as EUR."
    )


async def test_the_database_has_the_decimals_of_the_published_list(shop: Shop) -> None:
    listed = {one.code: one.exponent for one in iso4217.Currency}
    codes = [code for code, places in listed.items() if places in (0, 2, 3)]
    found = await shop.rows(
        "SELECT code, tandem_decimals(code) AS places FROM unnest($1::text[]) AS code", codes
    )
    assert {row["code"]: row["places"] for row in found} == {code: listed[code] for code in codes}
    assert {code: money.currency(code).decimals for code in codes} == {
        code: listed[code] for code in codes
    }


async def test_what_another_writer_stores_is_rounded_to_the_currency(
    shop: Shop, user: Person, door: Door
) -> None:
    """As a column of two decimals did it; also for an older release beside this one."""
    product = await shop.product("19.99")
    for given, kept in (("20", "20.00"), ("20.005", "20.01"), ("7.1", "7.10")):
        await shop.execute(f"UPDATE products SET price = {given} WHERE id = $1", product.id)
        assert (await door.call("products.get", {"id": product.id})).ok["price"] == kept
    await shop.execute("UPDATE accounts SET balance = 5, held = 0 WHERE user_id = $1", user.id)
    wallet = (await door.call("wallet.get", caller=user)).ok
    assert (wallet["balance"], wallet["held"]) == ("5.00", "0.00")


async def test_a_database_records_its_currency_for_good(
    addresses: Addresses, fresh_database: str
) -> None:
    settings = settings_for(fresh_database, addresses.redis_url, currency="JPY")
    database = new_database(settings)
    try:
        await keep_currency(database, "JPY")
        await keep_currency(database, "JPY")
        with pytest.raises(OtherCurrency, match="are in JPY: TANDEM_CURRENCY cannot be EUR"):
            await keep_currency(database, "EUR")
    finally:
        await database.close()
    for command in (
        ("serve", "--no-demo", "--port", str(free_port())),
        ("worker",),
        ("seed",),
        ("doctor",),
    ):
        status, said = await tandem(settings, *command, TANDEM_CURRENCY="EUR")
        assert status == 1, command
        sentence = "The amounts of this database are in JPY: TANDEM_CURRENCY cannot be EUR."
        assert " ".join(sentence.split()) in " ".join(said.split()), command


async def test_a_database_with_wallets_keeps_their_currency(shop: Shop, user: Person) -> None:
    with pytest.raises(OtherCurrency, match="are in EUR"):
        await keep_currency(shop.process.database, "JPY")
