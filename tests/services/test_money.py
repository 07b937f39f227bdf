"""Sums, taxes and shares: exact to the minor unit of the currency."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services import money
from services.money import Currency

JPY, EUR, KWD = (money.currency(code) for code in ("JPY", "EUR", "KWD"))
CURRENCIES = st.sampled_from([JPY, EUR, KWD])
RATES = st.decimals("0", "0.99", places=2)


def units(least: int = 0, most: int = 10**11) -> st.SearchStrategy[int]:
    """Numbers of minor units."""
    return st.integers(least, most)


COUNTS = st.lists(units(), min_size=1, max_size=100)


@given(CURRENCIES, units(least=1), RATES)
def test_the_tax_within_a_price_is_less_than_it_and_exact_to_the_minor_unit(
    currency: Currency, count: int, rate: Decimal
) -> None:
    gross = currency.units(count)
    tax = money.tax_within(gross, rate, currency)
    assert 0 <= tax < gross
    assert str(tax) == str(currency.rounded(tax))
    net = gross - tax
    assert abs(net * (1 + rate) - gross) <= currency.unit * (1 + rate)


@given(CURRENCIES, st.lists(units(), max_size=100))
def test_a_total_is_exact(currency: Currency, counts: list[int]) -> None:
    total = money.total(map(currency.units, counts), currency)
    assert str(total) == str(currency.units(sum(counts)))


@pytest.mark.parametrize(
    ("currency", "whole", "weights", "shares"),
    [
        (EUR, "10.00", ["1", "1", "1"], ["3.34", "3.33", "3.33"]),
        (EUR, "0.01", ["5.00", "5.00"], ["0.01", "0.00"]),
        (EUR, "0.05", ["0.01", "1.00"], ["0.00", "0.05"]),
        (EUR, "90.00", ["60.00", "40.00"], ["54.00", "36.00"]),
        (EUR, "0.02", ["1.00", "1.00", "2.00"], ["0.01", "0.00", "0.01"]),
        (EUR, "5.00", ["0.00", "2.00"], ["0.00", "5.00"]),
        (JPY, "10", ["1", "1", "1"], ["4", "3", "3"]),
        (KWD, "10.000", ["1", "1", "1"], ["3.334", "3.333", "3.333"]),
    ],
)
def test_an_amount_is_shared_out_by_weight_and_odd_units_by_the_largest_remainder(
    currency: Currency, whole: str, weights: list[str], shares: list[str]
) -> None:
    found = money.apportion(Decimal(whole), [Decimal(weight) for weight in weights], currency)
    assert [str(share) for share in found] == shares


@given(CURRENCIES, units(), COUNTS)
def test_shares_sum_to_the_whole_and_are_never_a_unit_off(
    currency: Currency, count: int, counts: list[int]
) -> None:
    assume(any(counts))
    whole, weights = currency.units(count), [currency.units(one) for one in counts]
    shares = money.apportion(whole, weights, currency)
    assert len(shares) == len(weights)
    assert money.total(shares, currency) == whole
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert str(share) == str(currency.rounded(share))
        # Within a unit of the exact share, without a division: share / 1 = whole * weight / total.
        assert abs(share * total - whole * weight) < currency.unit * total
        assert share == 0 or weight > 0


@given(CURRENCIES, COUNTS, st.data())
def test_a_share_is_never_more_than_its_weight_where_the_whole_is_not(
    currency: Currency, counts: list[int], data: st.DataObject
) -> None:
    """Giving back what is left never gives more for a line than is left of the line."""
    assume(any(counts))
    whole = currency.units(data.draw(units(most=sum(counts))))
    weights = [currency.units(one) for one in counts]
    for share, weight in zip(money.apportion(whole, weights, currency), weights, strict=True):
        assert 0 <= share <= weight


@given(CURRENCIES, units(), st.integers(1, 10_000), st.data())
def test_pieces_given_back_in_any_steps_sum_to_what_was_paid_for_them(
    currency: Currency, count: int, pieces: int, data: st.DataObject
) -> None:
    whole = currency.units(count)
    stops = data.draw(st.lists(st.integers(0, pieces), max_size=20))
    steps = [
        money.part(whole, after, pieces, currency) - money.part(whole, before, pieces, currency)
        for before, after in pairwise([0, *sorted(stops), pieces])
    ]
    assert all(step >= 0 for step in steps)
    assert money.total(steps, currency) == whole
    assert all(str(step) == str(currency.rounded(step)) for step in steps)
