"""Jobs belong to the transaction that queued them."""

import ast
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from persistence.database import failures
from persistence.database.transactions import Transaction
from services.access.permissions import PUBLIC, SYSTEM, Permission
from services.errors.common import Forbidden, Internal
from services.errors.products import ProductNotFound
from services.jobs.handlers import HANDLERS
from services.jobs.queue import Job, enqueue
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Nothing
from services.operation.operation import Operation, operation
from tests.conftest import CHECKOUT
from tests.shop import Person, Shop, new_key, own_statements, unique


class Answer(msgspec.Struct, frozen=True):
    """What the operations of these tests answer."""

    job: str


def queueing(
    name: str,
    then: Callable[[], Awaitable[None]] | None = None,
    who: Permission | None = Permission.ACCOUNT_READ_OWN,
) -> Operation[Any, Answer]:
    """An operation that queues a job before anything else, and then goes on."""

    @operation(
        "tests.queue",
        who=who,
        result=Answer,
        input=Nothing,
        errors=[ProductNotFound],
        writes=True,
        key=Key.OPTIONAL if who is Permission.ACCOUNT_READ_OWN else Key.NONE,
    )
    async def queue(ctx: Context, tx: Transaction, input: Nothing) -> Answer:
        """Queue a job."""
        job = await enqueue(ctx, tx, name, {"answer": 42})
        if then is not None:
            await then()
        return Answer(job)

    return queue


async def test_a_job_is_queued_when_its_operation_commits(shop: Shop, user: Person) -> None:
    name, request = unique("tests."), shop.request(user)
    answer = await queueing(name)(request)
    assert await shop.jobs(name) == [
        {"id": answer.job, "requestId": request.id, "data": {"answer": 42}}
    ]
    assert UUID(answer.job).version == 7


@pytest.mark.parametrize("who", [Permission.ACCOUNT_READ_OWN, PUBLIC])
async def test_a_job_that_was_queued_first_thing_is_undone_by_a_declared_error(
    shop: Shop, user: Person, who: Permission | None
) -> None:
    """As nothing has been written by then, a lazy BEGIN would have left the job behind."""
    name = unique("tests.")

    async def fail() -> None:
        raise ProductNotFound

    with pytest.raises(ProductNotFound):
        async with shop.unchanged():
            await queueing(name, fail, who)(shop.request(user))
    assert await shop.jobs(name) == []


async def test_a_job_is_undone_by_an_error_that_nobody_declared(shop: Shop, user: Person) -> None:
    name = unique("tests.")

    async def fail() -> None:
        raise RuntimeError

    with pytest.raises(Internal):
        await queueing(name, fail)(shop.request(user))
    assert await shop.jobs(name) == []


async def test_a_transaction_that_crossed_another_one_leaves_one_job(
    shop: Shop, user: Person
) -> None:
    name, runs = unique("tests."), []

    async def cross_once() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise failures.Conflict

    answer = await queueing(name, cross_once)(shop.request(user))
    assert len(runs) == 2
    assert [job["id"] for job in await shop.jobs(name)] == [answer.job]


async def test_a_replay_queues_no_job(shop: Shop, user: Person) -> None:
    name, key = unique("tests."), new_key()
    first = await queueing(name)(shop.request(user), key=key)
    request = shop.request(user)
    assert await queueing(name)(request, key=key) == first
    assert request.replayed
    assert len(await shop.jobs(name)) == 1


async def test_queueing_goes_with_what_its_call_writes(shop: Shop, user: Person) -> None:
    async def statements(then: int) -> int:
        @operation(
            "tests.queue",
            who=Permission.ACCOUNT_READ_OWN,
            result=Answer,
            input=Nothing,
            writes=True,
            key=Key.NONE,
        )
        async def queue(ctx: Context, tx: Transaction, input: Nothing) -> Answer:
            """Queue some jobs."""
            for _ in range(then):
                await enqueue(ctx, tx, unique("tests."), {})
            return Answer("")

        request = shop.request(user)
        await queue(request)
        return own_statements(request)

    apart = 0 if shop.process.settings.fast_paths else 3
    assert await statements(3) == await statements(0) + apart


async def test_nobody_is_notified_of_a_job(shop: Shop, user: Person, database_url: str) -> None:
    told: list[Any] = []
    listener = await asyncpg.connect(database_url, timeout=60)
    try:
        await listener.add_listener("ch_pgqueuer", lambda *heard: told.append(heard))
        await queueing(unique("tests."))(shop.request(user))
        # What is sent at a commit is delivered before the answer to a later statement.
        await listener.fetchval("SELECT 1", timeout=60)
    finally:
        await listener.close(timeout=60)
    assert told == []
    notifying = (
        "SELECT tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
        "WHERE prosrc ILIKE '%notify%'"
    )
    assert await shop.rows(notifying) == []


@operation("tests.act", who=SYSTEM, result=Answer, input=Nothing, writes=True)
async def act(ctx: Context, tx: Transaction, _: Nothing) -> Answer:
    """Do what only jobs do."""
    return Answer("done")


async def test_what_a_job_does_is_audited_with_its_request_and_without_an_actor(
    shop: Shop,
) -> None:
    job = Job(unique("job-"), unique("request-"), {})
    assert await act.by_system(job.request(shop.process), {}) == Answer("done")
    [row] = await shop.audits_of(job.request_id)
    assert (row["action"], row["actor_id"], row["outcome"]) == ("tests.act", None, "OK")


async def test_what_only_jobs_do_is_forbidden_to_everybody(shop: Shop, admin: Person) -> None:
    with pytest.raises(Forbidden):
        async with shop.unchanged():
            await act(shop.request(admin))


def test_every_job_that_services_queue_has_a_handler() -> None:
    queued = {
        node.args[2].value
        for file in (CHECKOUT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) == "enqueue"
        and isinstance(node.args[2], ast.Constant)
    }
    assert queued <= set(HANDLERS)
