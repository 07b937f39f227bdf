"""Sums, taxes and shares: exact to the cent."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services import money

AMOUNTS = st.decimals("0.01", str(money.LARGEST), places=2)
RATES = st.decimals("0", "0.99", places=2)
WEIGHTS = st.lists(st.decimals("0", str(money.LARGEST), places=2), min_size=1, max_size=100)


@given(AMOUNTS, RATES)
def test_the_tax_within_a_price_is_less_than_it_and_exact_to_a_cent(
    gross: Decimal, rate: Decimal
) -> None:
    tax = money.tax_within(gross, rate)
    assert 0 <= tax < gross
    assert tax == tax.quantize(money.CENT)
    net = gross - tax
    assert abs(net * (1 + rate) - gross) <= money.CENT * (1 + rate)


@given(st.lists(AMOUNTS, max_size=100))
def test_a_total_is_exact(amounts: list[Decimal]) -> None:
    assert int(money.total(amounts) * 100) == sum(int(amount * 100) for amount in amounts)


@pytest.mark.parametrize(
    ("whole", "weights", "shares"),
    [
        ("10.00", ["1", "1", "1"], ["3.34", "3.33", "3.33"]),
        ("0.01", ["5.00", "5.00"], ["0.01", "0.00"]),
        ("0.05", ["0.01", "1.00"], ["0.00", "0.05"]),
        ("90.00", ["60.00", "40.00"], ["54.00", "36.00"]),
        ("0.02", ["1.00", "1.00", "2.00"], ["0.01", "0.00", "0.01"]),
        ("5.00", ["0.00", "2.00"], ["0.00", "5.00"]),
    ],
)
def test_an_amount_is_shared_out_by_weight_and_odd_cents_by_the_largest_remainder(
    whole: str, weights: list[str], shares: list[str]
) -> None:
    found = money.apportion(Decimal(whole), [Decimal(weight) for weight in weights])
    assert [str(share) for share in found] == shares


@given(AMOUNTS, WEIGHTS)
def test_shares_sum_to_the_whole_and_are_never_a_cent_off(
    whole: Decimal, weights: list[Decimal]
) -> None:
    assume(any(weights))
    shares = money.apportion(whole, weights)
    assert len(shares) == len(weights)
    assert money.total(shares) == whole
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert share == share.quantize(money.CENT)
        # Within a cent of the exact share, without a division: share / 1 = whole * weight / total.
        assert abs(share * total - whole * weight) < money.CENT * total
        assert share == 0 or weight > 0


@given(WEIGHTS, st.data())
def test_a_share_is_never_more_than_its_weight_where_the_whole_is_not(
    weights: list[Decimal], data: st.DataObject
) -> None:
    """Giving back what is left never gives more for a line than is left of the line."""
    total = money.total(weights)
    assume(total > 0)
    whole = data.draw(st.decimals("0", str(total), places=2))
    for share, weight in zip(money.apportion(whole, weights), weights, strict=True):
        assert 0 <= share <= weight


@given(st.decimals("0", str(money.LARGEST), places=2), st.integers(1, 10_000), st.data())
def test_pieces_given_back_in_any_steps_sum_to_what_was_paid_for_them(
    whole: Decimal, pieces: int, data: st.DataObject
) -> None:
    stops = data.draw(st.lists(st.integers(0, pieces), max_size=20))
    steps = [
        money.part(whole, after, pieces) - money.part(whole, before, pieces)
        for before, after in pairwise([0, *sorted(stops), pieces])
    ]
    assert all(step >= 0 for step in steps)
    assert money.total(steps) == whole
    assert all(step == step.quantize(money.CENT) for step in steps)
