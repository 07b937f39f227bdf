"""Refunds: what was paid, given back in whatever parts, exact to the cent."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from tests.commerce.orders import give_back, order_of
from tests.commerce.state import Call, Line, Order, Refused, State, amounts, cents, text


def refund(shop: State, call: Call) -> dict[str, Any]:
    """Give back an amount, what some pieces are worth, or the rest."""
    order, values = order_of(shop, call), call.values
    codes: set[str] = set()
    expected = values.get("expectedRefunded")
    if expected is not None and cents(expected) != order.refunded:
        codes.add("REFUND_CHANGED")
    if order.paid not in ("PAID", "PARTIALLY_REFUNDED"):
        codes.add("ORDER_STATUS_INVALID")
    if codes:
        raise Refused(*codes)
    left = order.total - order.refunded
    if "amount" in values:
        amount, pieces = cents(values["amount"]), []
    elif "lines" in values:
        pieces = wanted_pieces(order, values["lines"])
        amount = sum(share for _, _, share in pieces)
    else:
        wanted = [(line, line.quantity - line.refunded) for line in order.lines]
        pieces, amount = worth(order, [(line, n) for line, n in wanted if n]), left
        shares = apportion(left, [share for _, _, share in pieces])
        pieces = [(line, n, share) for (line, n, _), share in zip(pieces, shares, strict=True)]
    if amount == 0:
        raise Refused("VALIDATION_FAILED")
    if amount > left:
        raise Refused("REFUND_EXCEEDS_PAYMENT", refundable=text(left))
    for line, quantity, _ in pieces:
        line.refunded += quantity
        if values.get("restock"):
            line.returned += quantity
            shop.products[line.product].on_hand += quantity
    give_back(shop, order, amount)
    order.edition += 1
    worths = [
        {"productId": line.product, "quantity": n, "amount": text(share)}
        for line, n, share in pieces
    ]
    return {**amounts(amount=amount), "lines": worths, "orderId": values["id"]}


def wanted_pieces(order: Order, lines: Iterable[Mapping[str, Any]]) -> list[tuple[Line, int, int]]:
    """Pieces of the order that are not refunded yet, and their worth."""
    bought = {line.product: line for line in order.lines}
    wanted = {line["productId"]: line["quantity"] for line in lines}
    if wanted.keys() - bought.keys():
        raise Refused("VALIDATION_FAILED")
    if any(n > bought[name].quantity - bought[name].refunded for name, n in wanted.items()):
        raise Refused("REFUND_EXCEEDS_PAYMENT")
    asked = [(line, wanted[line.product]) for line in order.lines if line.product in wanted]
    return worth(order, asked)


def apportion(whole: int, weights: Sequence[int]) -> list[int]:
    """Shares that sum to the whole: the largest remainders get what rounding down left over."""
    exact = [Fraction(whole * weight, sum(weights)) for weight in weights]
    shares = [share.__floor__() for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: shares[place] - exact[place])
    for place in by_remainder[: whole - sum(shares)]:
        shares[place] += 1
    return shares


def worth(order: Order, wanted: Sequence[tuple[Line, int]]) -> list[tuple[Line, int, int]]:
    """What was really paid for the next so many pieces of lines."""
    shares = apportion(order.total, [line.total for line in order.lines])
    share_of = {line.product: share for line, share in zip(order.lines, shares, strict=True)}

    def upto(line: Line, pieces: int) -> int:
        return share_of[line.product] * pieces // line.quantity

    return [
        (line, n, upto(line, line.refunded + n) - upto(line, line.refunded)) for line, n in wanted
    ]
