"""Addresses of orders: which countries there are, and where a postal code is needed."""

from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Person, Shop

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 Queen's Road",
    "city": "Central",
    "country": "HK",
}
NEITHER = ("US", "GB", "DE", "JP", "IE", "CH", "BR", "IN", "SG", "CA")
NONE = ("HK", "AE", "QA", "MO", "BS", "UG", "FJ", "JM", "YE", "ZW")


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="1000.00")


async def order(shop: Shop, **address: Any) -> dict[str, Any]:
    product = await shop.product()
    lines = [{"productId": product.id, "quantity": 1}]
    return {"lines": lines, "shippingAddress": {**ADDRESS, **address}}


@pytest.mark.parametrize("country", NONE)
async def test_a_country_without_postal_codes_needs_none(
    door: Door, shop: Shop, buyer: Person, country: str
) -> None:
    for given in ({}, {"postalCode": None}):
        raw = await order(shop, country=country, **given)
        placed = (await door.call("orders.create", raw, caller=buyer)).ok
        assert placed["shippingAddress"] == {**ADDRESS, "country": country, "line2": None} | {
            "postalCode": None
        }
    raw = await order(shop, country=country, postalCode="00000")
    placed = (await door.call("orders.create", raw, caller=buyer)).ok
    assert placed["shippingAddress"]["postalCode"] == "00000"


@pytest.mark.parametrize("country", NEITHER)
async def test_a_country_with_postal_codes_needs_one(
    door: Door, shop: Shop, buyer: Person, country: str
) -> None:
    for given in ({}, {"postalCode": None}):
        raw = await order(shop, country=country, **given)
        async with shop.unchanged():
            failure = (await door.call("orders.create", raw, caller=buyer)).failure
        assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
        assert failure.paths == {"shippingAddress.postalCode": "REQUIRED"}


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("UK", "INVALID_CHOICE"),
        ("EL", "INVALID_CHOICE"),
        ("EU", "INVALID_CHOICE"),
        ("XX", "INVALID_CHOICE"),
        ("XK", "INVALID_CHOICE"),
        ("ZZ", "INVALID_CHOICE"),
        ("AN", "INVALID_CHOICE"),
        ("SU", "INVALID_CHOICE"),
        ("gb", "INVALID_FORMAT"),
        ("GBR", "INVALID_FORMAT"),
        ("", "INVALID_FORMAT"),
    ],
)
async def test_a_country_is_one_of_iso_3166(
    door: Door, shop: Shop, buyer: Person, country: str, code: str
) -> None:
    raw = await order(shop, country=country, postalCode="SW1Y 4JH")
    async with shop.unchanged():
        failure = (await door.call("orders.create", raw, caller=buyer)).failure
    assert failure.paths == {"shippingAddress.country": code}


async def test_the_code_that_is_meant_is_named(door: Door, shop: Shop, buyer: Person) -> None:
    for country, meant in (("UK", "GB"), ("EL", "GR")):
        raw = await order(shop, country=country, postalCode="1")
        [field] = (await door.call("orders.create", raw, caller=buyer)).failure.fields
        assert f"Give {meant} for {country}." in field


async def test_an_invoice_to_a_place_without_a_postal_code_is_written(
    door: Door, shop: Shop, buyer: Person
) -> None:
    raw = await order(shop)
    placed = (await door.call("orders.create", raw, caller=buyer)).ok
    await shop.pay(buyer, placed["id"])
    invoice = await shop.invoice(buyer, placed["id"])
    assert invoice.buyer.address.postal_code is None
    pdf = (await door.call("invoices.pdf", {"id": invoice.id}, caller=buyer)).ok
    assert pdf
