"""Calls to the payment provider by a job, and the signed events that it sends.

Both lead to `deposits.settle`, which settles a deposit once, by the first decision.
"""

import asyncio
from collections.abc import Mapping
from functools import partial

import msgspec
import structlog
from standardwebhooks import Webhook, WebhookVerificationError

from persistence.database.transactions import QueryStats
from persistence.deposits import ASKED_DEPOSIT, DepositStatus
from persistence.provider_events import KNOWN_EVENT, KnownEvent
from services.deposits import depositing
from services.deposits.provider import FAILED, SUCCEEDED, Charge, Event
from services.errors.common import MalformedRequest
from services.errors.deposits import SignatureInvalid
from services.ids import parsed
from services.jobs.queue import DoNotRetry, Job
from services.operation.context import Request
from services.operation.error_translation import translate_errors
from services.process import Process

log = structlog.get_logger("tandem.provider")

_SIGNED_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_LONGEST_ID = 255


class Undecided(Exception):
    """The provider has not decided yet. The job is tried again."""


class _EventType(msgspec.Struct, frozen=True):
    """The type of an event, which is read before the rest of its body."""

    type: str


async def charge(process: Process, job: Job) -> None:
    """Ask the provider to take the money of the deposit ``{"depositId"}``.

    When the provider does not answer in time, the deposit stays PENDING, and the job asks again
    with the same id.
    """
    reader = process.database.reader(QueryStats())
    deposit = await reader.one(ASKED_DEPOSIT, deposit_id=job.data["depositId"])
    if deposit is None:
        raise DoNotRetry("there is no such deposit")
    if deposit.status != DepositStatus.PENDING:
        return
    asked = Charge(deposit.id, deposit.amount, deposit.currency, deposit.created_at)
    deliver_event = partial(receive, process, job.request_id)
    async with asyncio.timeout(process.settings.provider_seconds):
        decision = await process.provider.charge(asked, process.clock(), deliver_event)
    if decision is None:
        raise Undecided
    raw = {"id": deposit.id, "failureCode": decision.failure_code}
    await depositing.settle.by_system(job.request(process), raw)


async def receive(
    process: Process, request_id: str, headers: Mapping[str, str], body: bytes
) -> None:
    """Process an event that the provider sent. When this returns, the event is committed.

    The same event may arrive several times. Raises `SignatureInvalid`, `MalformedRequest`,
    `ValidationFailed`, `DepositNotFound` and the errors of every write.
    """
    _verify(process, headers, body)
    event_id = headers["webhook-id"]
    try:
        event_type = msgspec.json.decode(body, type=_EventType).type
        if event_type not in (SUCCEEDED, FAILED):
            log.info("event ignored", kind=event_type[:100])
            return
        data = msgspec.json.decode(body, type=Event).data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest("The body is not an event about a deposit.") from None
    if (data.failure_code is None) != (event_type == SUCCEEDED) or len(event_id) > _LONGEST_ID:
        raise MalformedRequest("Give a failureCode with deposit.failed, and only there.")
    if known := await translate_errors(_load_known_event, process, event_id):
        if known == KnownEvent(parsed(data.deposit_id) or "", data.failure_code):
            return
        # An acknowledgement would treat this event as a repetition and lose its data.
        log.error("two events of one id", event_id=event_id, deposit_id=known.deposit_id)
        raise MalformedRequest("Another event has this webhook-id.")
    raw = {
        "id": data.deposit_id,
        "failureCode": data.failure_code,
        "event": {"id": event_id, "amount": data.amount, "currency": data.currency},
    }
    await depositing.settle.by_system(Request(process, id=request_id, face="webhook"), raw)


async def _load_known_event(process: Process, event_id: str) -> KnownEvent | None:
    return await process.database.reader(QueryStats()).one(KNOWN_EVENT, event_id=event_id)


def _verify(process: Process, headers: Mapping[str, str], body: bytes) -> None:
    """Raise `SignatureInvalid` unless the secret signed the event in the last five minutes."""
    secret = process.settings.provider_webhook_secret.get_secret_value()
    signed = {name: headers.get(name, "") for name in _SIGNED_HEADERS}
    try:
        Webhook(secret).verify(body, signed, json_parse=False)
    except (WebhookVerificationError, ValueError):
        raise SignatureInvalid from None
