"""Deposits that a provider decides: by an answer, by an event, late, twice, or never."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from persistence.database.transactions import QueryStats
from services.deposits import depositing as deposits
from services.deposits import provider_events as provider
from services.deposits.provider import Sandbox
from services.jobs.handlers import HANDLERS
from services.jobs.queue import DoNotRetry, Job
from services.process import new_process
from services.settings.production import DEVELOPMENT_WEBHOOK_SECRET
from tests.commands import running
from tests.conftest import Addresses, settings_for
from tests.exchanges import http_client
from tests.faces import Door
from tests.servers import Server
from tests.shop import Clock, Person, Shop, new_key, unique
from tests.worker.work import done, eventually, left, working

UNKNOWN = "01890000-0000-7000-8000-000000000000"
DECLINED, POOR, UNHEARD, LATE, TWICE, NEVER = (f"9000.0{number}" for number in range(1, 7))
WEBHOOK = "/provider/webhook"


def signature(id: str, at: str, body: bytes, secret: str = DEVELOPMENT_WEBHOOK_SECRET) -> str:
    """A Standard Webhooks signature, by hand."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, b".".join([id.encode(), at.encode(), body]), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def signed(body: bytes, id: str | None = None, ago: int = 0, **more: Any) -> dict[str, str]:
    """The headers of an event that the provider sends."""
    id, at = id or unique("msg_"), str(int(time.time()) - ago)
    return {
        "webhook-id": id,
        "webhook-timestamp": at,
        "webhook-signature": signature(id, at, body, **more),
    }


def event(deposit: Any, **said: Any) -> bytes:
    """What the provider says of a deposit: that it has the money, unless told otherwise."""
    data = {
        "depositId": deposit["id"],
        "amount": deposit["amount"],
        "currency": deposit["currency"],
        **said,
    }
    kind = "deposit.failed" if said.get("failureCode") else "deposit.succeeded"
    return json.dumps({"type": kind, "timestamp": "2026-11-20T12:00:00Z", "data": data}).encode()


async def post(client: httpx.AsyncClient, body: bytes, **more: Any) -> httpx.Response:
    """Send an event as the provider does."""
    return await client.post(WEBHOOK, content=body, headers=signed(body, **more))


async def create(door: Door, person: Person, amount: str) -> dict[str, Any]:
    """A new deposit."""
    made = await door.call("deposits.create", {"amount": amount}, caller=person, key=new_key())
    return made.ok


async def pending(shop: Shop, person: Person, amount: str = NEVER) -> dict[str, Any]:
    """A deposit that the provider has not decided."""
    made = await shop.deposit(person, amount)
    assert made.status == "PENDING"
    return {"id": made.id, "amount": str(made.amount), "currency": made.currency}


async def work(shop: Shop, deposit_id: str) -> None:
    """One attempt of the job that was queued for a deposit."""
    [job] = [
        payload
        for payload in await shop.jobs("deposits.charge")
        if payload["data"] == {"depositId": deposit_id}
    ]
    await provider.charge(shop.process, Job(job["id"], job["requestId"], job["data"]))


async def state(door: Door, person: Person, deposit_id: str) -> tuple[str, str | None, str]:
    """A deposit's status and failure code, and what is in the wallet."""
    found = (await door.call("deposits.get", {"id": deposit_id}, caller=person)).ok
    assert (found["settledAt"] is None) == (found["status"] == "PENDING")
    wallet = (await door.call("wallet.get", caller=person)).ok
    return found["status"], found["failureCode"], wallet["balance"]


async def events(shop: Shop, deposit_id: str) -> list[bool]:
    """For each event that was kept about a deposit, whether it settled it."""
    rows = await shop.rows("SELECT * FROM provider_events WHERE deposit_id = $1", deposit_id)
    return sorted(row["settled"] for row in rows)


@pytest.fixture
def in_five_minutes(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """The provider decides late, and not because the machine is slow."""
    wait = timedelta(minutes=5)
    monkeypatch.setattr(Sandbox, "DECIDES_AFTER", wait)
    return wait


@contextmanager
def impatient(shop: Shop) -> Iterator[None]:
    """Nobody waits long for the provider."""
    before = shop.process.settings
    shop.process.settings = before.model_copy(update={"provider_seconds": 0.05})
    try:
        yield
    finally:
        shop.process.settings = before


async def test_what_is_decided_at_once_is_asked_of_nobody(
    door: Door, shop: Shop, user: Person
) -> None:
    deposit = await create(door, user, "9000.00")
    assert await state(door, user, deposit["id"]) == ("SUCCEEDED", None, "9000.00")
    queued = [job["data"]["depositId"] for job in await shop.jobs("deposits.charge")]
    assert deposit["id"] not in queued


@pytest.mark.parametrize(
    ("amount", "code"), [(DECLINED, "CARD_DECLINED"), (POOR, "INSUFFICIENT_FUNDS")]
)
async def test_a_declined_deposit_is_an_answer_and_brings_nothing(
    door: Door, shop: Shop, user: Person, amount: str, code: str
) -> None:
    deposit = await create(door, user, amount)
    assert (deposit["status"], deposit["failureCode"]) == ("FAILED", code)
    assert await state(door, user, deposit["id"]) == ("FAILED", code, "0.00")
    assert (await door.call("wallet.entries", caller=user)).ok == []


@pytest.mark.parametrize("amount", [LATE, TWICE])
async def test_a_late_decision_comes_by_an_event_and_counts_once(
    door: Door,
    shop: Shop,
    user: Person,
    clock: Clock,
    in_five_minutes: timedelta,
    amount: str,
) -> None:
    deposit = await create(door, user, amount)
    assert (deposit["status"], deposit["settledAt"]) == ("PENDING", None)
    with pytest.raises(provider.Undecided):
        await work(shop, deposit["id"])
    assert await state(door, user, deposit["id"]) == ("PENDING", None, "0.00")
    clock.forward(seconds=in_five_minutes.total_seconds())
    with pytest.raises(provider.Undecided):
        await work(shop, deposit["id"])
    assert await state(door, user, deposit["id"]) == ("SUCCEEDED", None, amount)
    assert await events(shop, deposit["id"]) == [True]
    async with shop.unchanged():
        await work(shop, deposit["id"])


async def test_who_does_not_answer_in_time_is_asked_again_and_has_charged_once(
    door: Door, shop: Shop, user: Person, clock: Clock, in_five_minutes: timedelta
) -> None:
    deposit = await create(door, user, UNHEARD)
    with impatient(shop), pytest.raises(TimeoutError):
        await work(shop, deposit["id"])
    assert await state(door, user, deposit["id"]) == ("PENDING", None, "0.00")
    clock.forward(seconds=in_five_minutes.total_seconds())
    await work(shop, deposit["id"])
    assert await state(door, user, deposit["id"]) == ("SUCCEEDED", None, UNHEARD)
    async with shop.unchanged():
        await work(shop, deposit["id"])


async def test_no_answer_is_no_decision_and_an_event_may_still_come(
    door: Door, shop: Shop, client: httpx.AsyncClient, user: Person, clock: Clock
) -> None:
    deposit = await create(door, user, NEVER)
    with impatient(shop):
        for _ in range(2):
            clock.forward(seconds=20)
            with pytest.raises(TimeoutError):
                await work(shop, deposit["id"])
    assert await state(door, user, deposit["id"]) == ("PENDING", None, "0.00")
    assert (await post(client, event(deposit))).status_code == 204
    assert await state(door, user, deposit["id"]) == ("SUCCEEDED", None, NEVER)


async def test_a_retried_call_answers_what_the_first_did(door: Door, user: Person) -> None:
    key = new_key()
    first = await door.call("deposits.create", {"amount": NEVER}, caller=user, key=key)
    again = await door.call("deposits.create", {"amount": NEVER}, caller=user, key=key)
    assert again.ok == first.ok
    assert again.replayed


async def test_deposits_are_listed_newest_first_by_how_far_they_came(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    made = [(await shop.deposit(user, amount)).id for amount in (DECLINED, "5.00", NEVER, "6.00")]
    await shop.deposit(other_user, "7.00")
    listed = await door.call("deposits.list", caller=user)
    assert listed.ids() == made[::-1]
    found = {
        status: (await door.call("deposits.list", {"status": status}, caller=user)).ids()
        for status in ("PENDING", "SUCCEEDED", "FAILED")
    }
    assert found == {"PENDING": [made[2]], "SUCCEEDED": [made[3], made[1]], "FAILED": [made[0]]}


async def test_a_deposit_under_way_keeps_its_account(door: Door, shop: Shop, user: Person) -> None:
    await pending(shop, user)
    async with shop.unchanged():
        refused = await door.call("users.deleteMe", {"password": user.password}, caller=user)
    assert refused.failure.details["pendingDeposits"] == 1


async def test_a_job_about_no_deposit_is_hopeless(shop: Shop) -> None:
    with pytest.raises(DoNotRetry):
        await provider.charge(shop.process, Job("id", "request", {"depositId": UNKNOWN}))


async def test_an_event_that_the_money_never_came_fails_the_deposit(
    shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door], user: Person
) -> None:
    deposit = await pending(shop, user)
    assert (await post(client, event(deposit, failureCode="CARD_EXPIRED"))).status_code == 204
    assert await state(faces["v2"], user, deposit["id"]) == ("FAILED", "CARD_EXPIRED", "0.00")
    assert await events(shop, deposit["id"]) == [True]


async def test_settling_is_audited_with_the_request_that_brought_it(
    shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    deposit = await pending(shop, user)
    answer = await post(client, event(deposit))
    [row] = await shop.audits_of(answer.headers["x-request-id"])
    assert (row["action"], row["actor_id"], row["outcome"]) == ("deposits.settle", None, "OK")
    assert (row["entity_id"], row["changed"]) == (deposit["id"], ["status"])


def forged(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body, secret="whsec_" + "c2VjcmV0" * 4)


def altered(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body.replace(b"9000.06", b"9000.60"), signed(body)


def spaced(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body + b" ", signed(body)


def stale(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body, ago=301)


def from_the_future(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body, ago=-330)


def redated(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body, ago=600) | {"webhook-timestamp": str(int(time.time()))}


def renamed(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body) | {"webhook-id": unique()}


def unsigned(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, {}


def of_another_version(body: bytes) -> tuple[bytes, dict[str, str]]:
    headers = signed(body)
    return body, headers | {"webhook-signature": headers["webhook-signature"].replace("v1", "v2")}


def rubbish(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body) | {"webhook-signature": "v1 v1,% ,,", "webhook-timestamp": "inf"}


def odd_signature(body: bytes) -> tuple[bytes, dict[str, str]]:
    return body, signed(body) | {"webhook-signature": "v1,a b c"}


def not_text(body: bytes) -> tuple[bytes, dict[str, str]]:
    return b"\xff" + body, signed(body)


@pytest.mark.parametrize(
    "spoil",
    [
        forged,
        altered,
        spaced,
        stale,
        from_the_future,
        redated,
        renamed,
        unsigned,
        of_another_version,
        rubbish,
        odd_signature,
        not_text,
    ],
)
async def test_what_is_not_signed_or_not_signed_now_changes_nothing(
    shop: Shop, client: httpx.AsyncClient, user: Person, spoil: Any
) -> None:
    deposit = await pending(shop, user)
    body, headers = spoil(event(deposit))
    async with shop.unchanged():
        answer = await client.post(WEBHOOK, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGNATURE_INVALID")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await shop.audits_of(answer.headers["x-request-id"]) == []
    # The very event, sent as it should be, is taken.
    assert (await post(client, event(deposit))).status_code == 204
    assert await shop.balance(user) == Decimal(NEVER)


async def test_any_of_several_signatures_will_do_while_a_secret_changes(
    shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    body = event(await pending(shop, user))
    headers = signed(body)
    headers["webhook-signature"] = f"v1,{'A' * 43}= {headers['webhook-signature']}"
    assert (await client.post(WEBHOOK, content=body, headers=headers)).status_code == 204
    assert await shop.balance(user) == Decimal(NEVER)


async def test_a_replayed_event_changes_nothing_not_even_the_audit_log(
    shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    deposit, id = await pending(shop, user), unique("msg_")
    body = event(deposit)
    headers = signed(body, id=id)
    assert (await client.post(WEBHOOK, content=body, headers=headers)).status_code == 204
    async with shop.unchanged():
        shouted = event({**deposit, "id": deposit["id"].upper()})
        for said, again in (
            (body, headers),
            (body, signed(body, id=id)),
            (shouted, signed(shouted, id=id)),
        ):
            answer = await client.post(WEBHOOK, content=said, headers=again)
            assert answer.status_code == 204
            assert await shop.audits_of(answer.headers["x-request-id"]) == []


async def test_an_id_that_another_event_had_is_refused_so_that_the_provider_tells(
    shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    first, second, id = await pending(shop, user), await pending(shop, user), unique("msg_")
    assert (await post(client, event(first), id=id)).status_code == 204
    async with shop.unchanged():
        for body in (event(second), event(first, failureCode="TOO_LATE")):
            answer = await post(client, body, id=id)
            assert answer.status_code == 400
            assert "MALFORMED_REQUEST" in answer.text
    assert (await post(client, event(second))).status_code == 204


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"depositId": UNKNOWN}, 404, "DEPOSIT_NOT_FOUND"),
        ({"depositId": "nonsense"}, 404, "DEPOSIT_NOT_FOUND"),
        ({"depositId": None}, 400, "MALFORMED_REQUEST"),
        ({"amount": 5}, 400, "MALFORMED_REQUEST"),
        ({"amount": "much"}, 400, "VALIDATION_FAILED"),
        ({"currency": "euro"}, 400, "VALIDATION_FAILED"),
        ({"failureCode": "no money"}, 400, "VALIDATION_FAILED"),
        ({"failureCode": ""}, 400, "MALFORMED_REQUEST"),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused_so_that_the_provider_tells(
    shop: Shop, client: httpx.AsyncClient, user: Person, said: Any, status: int, code: str
) -> None:
    deposit = await pending(shop, user)
    async with shop.unchanged():
        answer = await post(client, event(deposit, **said))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"type": 5}', b"[" * 50_000])
async def test_a_signed_body_that_is_no_event_is_malformed(
    shop: Shop, client: httpx.AsyncClient, body: bytes
) -> None:
    async with shop.unchanged():
        answer = await post(client, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_REQUEST")


async def test_an_event_of_another_kind_is_taken_and_ignored(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    body = b'{"type": "payout.created", "timestamp": "2026-11-20T12:00:00Z", "data": {"id": 5}}'
    async with shop.unchanged():
        assert (await post(client, body)).status_code == 204


@pytest.mark.parametrize("said", [{"amount": "9000.60"}, {"currency": "USD"}])
async def test_an_event_about_other_money_settles_nothing_and_is_kept(
    shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door], user: Person, said: Any
) -> None:
    deposit = await pending(shop, user)
    with structlog.testing.capture_logs() as lines:
        assert (await post(client, event(deposit, **said))).status_code == 204
    assert await state(faces["v2"], user, deposit["id"]) == ("PENDING", None, "0.00")
    assert await events(shop, deposit["id"]) == [False]
    assert "provider contradicts itself" in {line["event"] for line in lines}


async def test_the_first_decision_counts_and_a_contradiction_is_kept_and_told(
    shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door], user: Person
) -> None:
    deposit = await pending(shop, user)
    assert (await post(client, event(deposit))).status_code == 204
    with structlog.testing.capture_logs() as lines:
        late = event(deposit, failureCode="CARD_DECLINED")
        assert (await post(client, late)).status_code == 204
    assert await state(faces["v2"], user, deposit["id"]) == ("SUCCEEDED", None, NEVER)
    assert await events(shop, deposit["id"]) == [False, True]
    [line] = [line for line in lines if line["event"] == "provider contradicts itself"]
    assert line["log_level"] == "error"
    with structlog.testing.capture_logs() as lines:
        assert (await post(client, event(deposit))).status_code == 204
    assert "provider contradicts itself" not in {line["event"] for line in lines}


async def test_events_are_posted_and_no_larger_than_other_bodies(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(WEBHOOK)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    answer = await post(client, b" " * 1_048_577)
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_answers_and_events_at_once_on_two_processes_credit_once(
    shop: Shop, client: httpx.AsyncClient, server: Server, clock: Clock
) -> None:
    people = [await shop.person() for _ in range(4)]
    made = [await pending(shop, person, UNHEARD) for person in people]
    clock.forward(seconds=4)
    async with http_client(base_url=server.url) as there:
        calls = []
        for deposit in made:
            body, id = event(deposit), unique("msg_")
            calls += [post(door, body, id=id) for door in (there, client, there)]
            calls += [post(there, body), post(client, body)]
            calls += [work(shop, deposit["id"]) for _ in range(2)]
        answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers if answer is not None} == {204}
    for person, deposit in zip(people, made, strict=True):
        assert await shop.balance(person) == Decimal(UNHEARD)
        count = "SELECT count(*) FROM transfers WHERE deposit_id = $1"
        assert await shop.value(count, deposit["id"]) == 1
        settled = await events(shop, deposit["id"])
        assert settled.count(True) <= 1
        assert len(settled) == 3


@pytest.fixture
async def own_shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own, whose jobs are tried again soon."""
    settings = settings_for(
        fresh_database,
        addresses.redis_url,
        job_poll_seconds=0.05,
        job_retry_seconds=0.1,
        job_retry_max_seconds=0.1,
        # A busy machine may take one or two attempts for as silent as the provider.
        job_attempts=5,
        provider_seconds=1,
    )
    process = new_process(settings, Clock())
    yield Shop(process, password_hash)
    await process.close()


async def test_a_worker_settles_what_the_provider_decides_and_gives_up_on_silence(
    own_shop: Shop,
) -> None:
    shop, clock = own_shop, own_shop.process.clock
    assert isinstance(clock, Clock)
    people = {amount: await shop.person() for amount in (UNHEARD, LATE, TWICE, NEVER)}
    for amount, person in people.items():
        await pending(shop, person, amount)
    clock.forward(seconds=4)

    async def only_silence_left() -> bool:
        return await left(shop) == [("deposits.charge", "failed")]

    async with working(shop, HANDLERS):
        await eventually(only_silence_left)
    balances = {amount: str(await shop.balance(person)) for amount, person in people.items()}
    assert balances == {UNHEARD: UNHEARD, LATE: LATE, TWICE: TWICE, NEVER: "0.00"}
    never = "SELECT status FROM deposits WHERE amount = $1"
    assert await shop.value(never, Decimal(NEVER)) == "PENDING"


async def test_a_worker_killed_between_the_answer_and_its_record_leaves_one_credit(
    own_shop: Shop, tmp_path: Path
) -> None:
    shop, quick = own_shop, {"TANDEM_JOB_LEASE_SECONDS": "1"}
    person = await shop.person()
    deposit = await pending(shop, person, UNHEARD)
    # Long enough ago that the provider has decided.
    await shop.execute("UPDATE deposits SET created_at = created_at - interval '1 minute'")

    async def waits() -> list[int]:
        rows = await shop.rows(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query LIKE '%FROM deposits%FOR UPDATE%'"
        )
        return [row["pid"] for row in rows]

    settings = shop.process.settings
    with running(tmp_path / "first", settings, "worker", **quick) as worker:
        async with shop.process.database.transaction(QueryStats()) as tx:
            # The provider has answered; its worker cannot record that, and never will.
            await tx.run("SELECT FROM deposits FOR UPDATE")
            await eventually(waits)
            worker.kill()
            await asyncio.to_thread(worker.wait, 60)
            # A busy machine may let the short lease run out, and two of them wait.
            for backend in await waits():
                await shop.value("SELECT pg_terminate_backend($1, 5000)", backend)
    assert await shop.balance(person) == 0
    with running(tmp_path / "second", settings, "worker", **quick):
        await done(shop)
    assert await shop.balance(person) == Decimal(UNHEARD)
    count = "SELECT count(*) FROM transfers WHERE deposit_id = $1"
    assert await shop.value(count, deposit["id"]) == 1
    asked = "SELECT count(*) FROM job_log WHERE status = 'picked' AND entrypoint = $1"
    # A busy machine may let the short lease run out again.
    assert await shop.value(asked, "deposits.charge") >= 2


async def test_what_the_job_learns_after_the_event_changes_nothing(
    shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    deposit = await pending(shop, user)
    assert (await post(client, event(deposit))).status_code == 204
    async with shop.unchanged():
        for code in (None, "CARD_DECLINED"):
            raw = {"id": deposit["id"], "failureCode": code}
            await deposits.settle.by_system(shop.request(), raw)
