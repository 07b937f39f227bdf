"""Reports: transactions and sales agree with the ledger, in every time zone."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.reports.periods import PeriodLength, periods
from services.reports.sales import MOST_PERIODS
from services.wallet import TransferKind
from tests.conftest import Addresses
from tests.faces import Rest
from tests.sales import BEGINS, ENDS, ZONES, Place, booked, expected, groups_of, sums_of, trading


@pytest.fixture(scope="module")
async def place(addresses: Addresses, password_hash: str) -> AsyncIterator[Place]:
    async with trading(addresses, password_hash) as place:
        yield place


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("by", ["CATEGORY", "PRODUCT"])
async def test_each_group_of_each_day_has_what_was_paid_and_refunded(
    place: Place, by: str, zone: str
) -> None:
    report = await place.sales(by=by, timeZone=zone)
    assert groups_of(report) == expected(place, by, zone)


async def test_sums_are_the_same_by_any_period_group_and_zone_and_those_of_the_ledger(
    place: Place,
) -> None:
    whole = await booked(place)
    assert whole[1] > 0
    orders = len({one.order for one in place.moved if not one.back and one.at < ENDS})
    for zone in ZONES:
        for period in PeriodLength:
            for by in ("CATEGORY", "PRODUCT"):
                report = await place.sales(by=by, period=period, timeZone=zone)
                assert sums_of([report]) == whole
                assert sums_of(report["periods"]) == whole
                assert report["orders"] == orders
                assert sum(one["orders"] for one in report["periods"]) == orders
                for one in report["periods"]:
                    assert sums_of(one["groups"]) == sums_of([one])


async def test_the_time_is_half_open_and_its_periods_follow_each_other(place: Place) -> None:
    report = await place.sales(timeZone="Europe/Berlin", period="WEEK")
    spans = report["periods"]
    assert spans[0]["startsAt"] == "2026-03-20T00:00:00Z"
    assert spans[-1]["endsAt"] == "2026-04-08T00:00:00Z"
    assert all(one["endsAt"] == following["startsAt"] for one, following in pairwise(spans))
    assert [one["firstDay"] for one in spans] == [
        "2026-03-16", "2026-03-23", "2026-03-30", "2026-04-06",
    ]  # fmt: skip
    instant = timedelta(microseconds=1)
    first = await place.sales(to=(BEGINS + instant).isoformat())
    assert first["orders"] == 1
    before = {"from": (BEGINS - timedelta(days=1)).isoformat(), "to": BEGINS.isoformat()}
    assert (await place.sales(**before))["orders"] == 0


async def test_periods_without_sales_are_shown(place: Place) -> None:
    day = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z"}
    report = await place.sales(**day)
    assert [one["firstDay"] for one in report["periods"]] == [
        "2026-01-01", "2026-01-02", "2026-01-03",
    ]  # fmt: skip
    for one in [report, *report["periods"]]:
        assert (one["orders"], one["gross"], one["refunded"], one["net"]) == (
            0, "0.00", "0.00", "0.00",
        )  # fmt: skip
    assert all(one["groups"] == [] for one in report["periods"])


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 10, 26), 24),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        # Here clocks leap over midnight, so the day begins at one.
        ("America/Havana", date(2026, 3, 8), 23),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Asia/Beirut", date(2026, 3, 29), 23),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        # And here they go back at midnight, so the last hour of the day comes twice.
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Asia/Beirut", date(2026, 10, 24), 25),
        ("America/Sao_Paulo", date(2018, 2, 17), 25),
        ("America/St_Johns", date(2011, 11, 6), 25),
    ],
)
async def test_a_day_lasts_from_midnight_to_midnight(
    place: Place, zone: str, day: date, hours: float
) -> None:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    asked = {
        "from": (at - timedelta(days=3)).isoformat(),
        "to": (at + timedelta(days=4)).isoformat(),
    }
    report = await place.sales(**asked, timeZone=zone)
    [one] = [one for one in report["periods"] if one["firstDay"] == day.isoformat()]
    start, end = (datetime.fromisoformat(one[name]) for name in ("startsAt", "endsAt"))
    assert (end - start) == timedelta(hours=hours)


def test_a_day_that_a_zone_left_out_is_left_out() -> None:
    at = datetime(2011, 12, 28, tzinfo=UTC)
    found = periods(at, at + timedelta(days=5), PeriodLength.DAY, ZoneInfo("Pacific/Apia"))
    days = [span.first_day.day for span in found]
    assert 30 not in days
    assert days == [27, 28, 29, 31, 1, 2]


@pytest.mark.parametrize(
    ("length", "start", "end", "days"),
    [
        ("WEEK", "2024-12-25", "2025-01-10", ["2024-12-23", "2024-12-30", "2025-01-06"]),
        ("WEEK", "2026-12-28", "2027-01-05", ["2026-12-28", "2027-01-04"]),
        ("DAY", "2028-02-28", "2028-03-02", ["2028-02-28", "2028-02-29", "2028-03-01"]),
        ("DAY", "2100-02-28", "2100-03-02", ["2100-02-28", "2100-03-01"]),
        ("MONTH", "2028-01-31", "2028-03-01", ["2028-01-01", "2028-02-01"]),
        ("MONTH", "2026-12-31", "2027-01-02", ["2026-12-01", "2027-01-01"]),
    ],
)
def test_weeks_go_past_the_end_of_a_year_and_years_may_leap(
    length: str, start: str, end: str, days: list[str]
) -> None:
    begins, ends = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, end)]
    found = list(periods(begins, ends, PeriodLength(length), ZoneInfo("UTC")))
    assert [str(span.first_day) for span in found] == days
    assert all(one.ends_at == following.starts_at for one, following in pairwise(found))


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"timeZone": "Mars/Olympus"}, {"timeZone": "INVALID_CHOICE"}),
        ({"timeZone": "../../etc/passwd"}, {"timeZone": "INVALID_CHOICE"}),
        ({"timeZone": "Europe"}, {"timeZone": "INVALID_CHOICE"}),
        ({"timeZone": "localtime"}, {"timeZone": "INVALID_CHOICE"}),
        ({"timeZone": "right/UTC"}, {"timeZone": "INVALID_CHOICE"}),
        ({"timeZone": ""}, {"timeZone": "TOO_SHORT"}),
        ({"timeZone": "x" * 65}, {"timeZone": "TOO_LONG"}),
        ({"to": "2026-03-20T00:00:00Z"}, {"to": "CONFLICT"}),
        ({"to": "2027-03-22T00:00:00Z"}, {"to": "TOO_MANY"}),
        ({"to": "2999-01-01T00:00:00Z", "period": "MONTH"}, {"to": "TOO_MANY"}),
        ({"from": "1900-01-01T00:00:00Z", "to": "2999-12-31T00:00:00Z"}, {"to": "TOO_MANY"}),
        ({"from": "yesterday"}, {"from": "INVALID_FORMAT"}),
        ({"period": "YEAR", "by": "COUNTRY"}, {"period": "INVALID_CHOICE", "by": "INVALID_CHOICE"}),
    ],
)
@pytest.mark.parametrize("name", ["direct", "graphql", "v1", "v2"])
async def test_a_bad_report_is_refused_with_its_fields(
    place: Place, name: str, values: dict[str, Any], fields: dict[str, str]
) -> None:
    asked = {"from": BEGINS.isoformat(), "to": ENDS.isoformat(), **values}
    outcome = await place.door(name).call("reports.sales", asked, caller=place.manager)
    assert outcome.code == "VALIDATION_FAILED"
    assert outcome.failure.paths == fields


@pytest.mark.parametrize("name", ["direct", "graphql", "v1", "v2"])
async def test_the_report_needs_its_time(place: Place, name: str) -> None:
    outcome = await place.door(name).call("reports.sales", {}, caller=place.manager)
    assert outcome.failure.paths == {"from": "REQUIRED", "to": "REQUIRED"}


async def test_a_year_of_days_is_the_most(place: Place) -> None:
    report = await place.sales(to=(BEGINS + timedelta(days=MOST_PERIODS)).isoformat())
    assert len(report["periods"]) == MOST_PERIODS


async def test_every_door_has_the_same_report(place: Place) -> None:
    reports = [await place.sales(name) for name in ("direct", "graphql", "v1", "v2")]
    assert all(one == reports[0] for one in reports)
    assert reports[0]["timeZone"] == "UTC"


async def test_transactions_are_the_postings_of_wallets(place: Place) -> None:
    rows: list[Any] = []
    values: dict[str, Any] = {"first": 100, "sort": "createdAt"}
    while True:
        page = await place.door("v2").call("reports.transactions", values, caller=place.manager)
        rows += page.ok
        if not page.listed.has_next:
            break
        values["after"] = page.listed.end
    booked = await place.shop.rows(
        "SELECT transfer_id::text AS id, amount::text, balance_after::text FROM postings "
        "JOIN accounts ON accounts.id = account_id WHERE kind = 'WALLET'"
    )
    found = [
        {"id": r["id"], "amount": r["amount"], "balance_after": r["balanceAfter"]} for r in rows
    ]
    assert sorted(found, key=str) == sorted(booked, key=str)
    assert len(rows) == await place.shop.value("SELECT count(*) FROM transfers")
    assert rows == sorted(rows, key=lambda row: (row["createdAt"], row["id"]))
    signs = {(row["kind"], row["amount"][0] == "-") for row in rows}
    assert signs == {("DEPOSIT", False), ("PAYMENT", True), ("REFUND", False)}
    reversed_ids = {row["reversesId"] for row in rows if row["kind"] == "REFUND"}
    assert reversed_ids <= {row["id"] for row in rows if row["kind"] == "PAYMENT"}


@pytest.mark.parametrize("name", ["direct", "graphql", "v1", "v2"])
async def test_transactions_are_filtered_and_counted(place: Place, name: str) -> None:
    for kind in TransferKind:
        asked = {"kind": kind, "from": BEGINS.isoformat(), "to": ENDS.isoformat(), "total": True}
        page = await place.door(name).call("reports.transactions", asked, caller=place.manager)
        counted = await place.shop.value(
            "SELECT count(*) FROM transfers "
            "WHERE kind = $1 AND created_at >= $2 AND created_at < $3",
            kind,
            BEGINS,
            ENDS,
        )
        assert page.listed.total == counted
        assert {row["kind"] for row in page.ok} <= {kind}
        times = [row["createdAt"] for row in page.ok]
        assert times == sorted(times, reverse=True)


async def test_the_file_of_transactions_is_the_list(place: Place) -> None:
    address = "/api/v1/admin/transactions/export"
    period = {"from": BEGINS.isoformat(), "to": ENDS.isoformat(), "kind": "REFUND"}
    answer = await place.client.get(
        address, params={**period, "format": "JSON"}, headers=place.manager.headers
    )
    v2 = Rest(place.client, "v2")
    listed = await v2.call(
        "reports.transactions", {**period, "sort": "createdAt", "first": 100}, caller=place.manager
    )
    assert answer.json() == {"data": listed.ok}
    assert len(listed.ok) > 10


async def test_a_transaction_leads_to_its_customer_and_order_and_is_a_node(place: Place) -> None:
    text = (
        "{ transactions(kind: PAYMENT, first: 1) { nodes { id customerId orderId "
        "customer { id } order { id } } } }"
    )
    headers = place.manager.headers
    answer = await place.client.post("/graphql", json={"query": text}, headers=headers)
    [row] = answer.json()["data"]["transactions"]["nodes"]
    assert (row["customer"]["id"], row["order"]["id"]) == (row["customerId"], row["orderId"])
    again = {"query": "query ($id: ID!) { node(id: $id) { __typename id } }", "variables": row}
    again["variables"] = {"id": row["id"]}
    found = await place.client.post("/graphql", json=again, headers=headers)
    assert found.json()["data"]["node"] == {"__typename": "Transaction", "id": row["id"]}
    stranger = await place.shop.person()
    hidden = await place.client.post("/graphql", json=again, headers=stranger.headers)
    assert hidden.json()["data"]["node"] is None


async def test_a_report_of_too_many_rows_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reports.sales.MOST_ROWS", 30)
    asked = {"from": BEGINS.isoformat(), "to": ENDS.isoformat(), "by": "PRODUCT"}
    outcome = await place.door("v2").call("reports.sales", asked, caller=place.manager)
    assert outcome.failure.paths == {"to": "TOO_MANY"}
