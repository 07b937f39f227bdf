"""Stock, prices, and money that comes in."""

from datetime import timedelta
from typing import Any

from tests.commerce.state import Call, Deposit, Product, Refused, State, cents, text

#: What the sandbox says of some amounts, as docs/provider.md has it; all others succeed at once.
DECLINED = {900_001: "CARD_DECLINED", 900_002: "INSUFFICIENT_FUNDS"}
LATE = (900_003, 900_004, 900_005, 900_006)
NEVER = 900_006
DECIDES_AFTER = timedelta(seconds=3)


def deposit(shop: State, call: Call) -> dict[str, Any]:
    """Ask the provider, who mostly decides at once."""
    amount = cents(call.values["amount"])
    failure = DECLINED.get(amount)
    status = "PENDING" if amount in LATE else "FAILED" if failure else "SUCCEEDED"
    deposit = Deposit(call.actor or "", amount, shop.now, status, failure)
    shop.deposits[call.makes] = deposit
    shop.moved.append(("deposit", "None", status))
    if status == "SUCCEEDED":
        shop.wallets[deposit.owner] += amount
    return {"amount": text(amount), "status": status, "failureCode": failure}


def get_deposit(shop: State, call: Call) -> dict[str, Any]:
    """What became of it, for its owner."""
    deposit = shop.deposits.get(call.values["id"])
    if deposit is None or deposit.owner != call.actor:
        raise Refused("DEPOSIT_NOT_FOUND")
    return {"status": deposit.status, "failureCode": deposit.failure}


def settle(shop: State, call: Call) -> dict[str, Any]:
    """Take the provider's first decision; a later one changes nothing."""
    deposit = shop.deposits.get(call.values["id"])
    if deposit is None:
        raise Refused("DEPOSIT_NOT_FOUND")
    if deposit.status == "PENDING":
        deposit.failure = call.values.get("failureCode")
        deposit.status = "FAILED" if deposit.failure else "SUCCEEDED"
        shop.moved.append(("deposit", "PENDING", deposit.status))
        if deposit.status == "SUCCEEDED":
            shop.wallets[deposit.owner] += deposit.amount
    return {"status": deposit.status, "failureCode": deposit.failure}


def charge(shop: State, name: str) -> Call | None:
    """What the job brings about that asks the provider about a deposit."""
    deposit = shop.deposits[name]
    decided = shop.now >= deposit.asked + DECIDES_AFTER and deposit.amount != NEVER
    if deposit.status != "PENDING" or not decided:
        return None
    return Call("deposits.settle", None, {"id": name})


def product_of(shop: State, call: Call) -> Product:
    """The product."""
    if call.values["id"] not in shop.products:
        raise Refused("PRODUCT_NOT_FOUND")
    return shop.products[call.values["id"]]


def adjust_stock(shop: State, call: Call) -> dict[str, Any]:
    """By a number, or to a number when it is the expected one still."""
    product, values = product_of(shop, call), call.values
    if "expected" in values and values["expected"] != product.stock:
        raise Refused("STOCK_CHANGED", stock=product.stock)
    change = values["delta"] if "delta" in values else values["stock"] - product.stock
    if product.stock + change < 0:
        raise Refused("OUT_OF_STOCK")
    product.on_hand += change
    return {"stock": product.stock}


def update_product(shop: State, call: Call) -> dict[str, Any]:
    """Another price; orders keep theirs."""
    product = product_of(shop, call)
    if "price" in call.values:
        product.price = cents(call.values["price"])
    product.active = call.values.get("isActive", product.active)
    return {"price": text(product.price), "isActive": product.active}


def archive(shop: State, call: Call) -> dict[str, Any]:
    """Take it off sale; orders of it go on."""
    product_of(shop, call).active = False
    return {}
