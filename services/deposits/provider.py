"""The port to the payment provider, and the sandbox that implements it.

A provider takes the money of a deposit outside of Tandem. Each call carries the deposit's id as
the idempotency key, so that repeated calls take the money once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Protocol

import msgspec
from msgspec import Struct
from standardwebhooks import Webhook

from services.money import currency
from services.settings.settings import Settings


class Charge(Struct, frozen=True):
    """A request to take the money of the deposit with this id."""

    id: str
    amount: Decimal
    currency: str
    asked_at: datetime


class Decision(Struct, frozen=True):
    """A provider's decision: it has the money, unless ``failure_code`` says why not."""

    failure_code: str | None = None


class EventData(Struct, frozen=True, rename="camel"):
    """The data of an event about a deposit; ``amount`` is decimal text."""

    deposit_id: str
    amount: str
    currency: str
    failure_code: str | None = None


class Event(Struct, frozen=True):
    """An event as the provider sends it: the body of a Standard Webhooks message."""

    type: str
    timestamp: str
    data: EventData


SUCCEEDED, FAILED = "deposit.succeeded", "deposit.failed"

#: Delivers the headers and the body of a signed event, as if the provider had sent them.
DeliverEvent = Callable[[Mapping[str, str], bytes], Awaitable[None]]


class Provider(Protocol):
    """The port to a payment provider."""

    def at_once(self, charge: Charge) -> Decision | None:
        """Decide without a network call; None when `charge` must be called.

        This is called inside a transaction, so a provider behind a network always answers None.
        """
        ...

    async def charge(
        self, charge: Charge, now: datetime, deliver_event: DeliverEvent
    ) -> Decision | None:
        """Take the money, or tell the decision of an earlier call; None while undecided.

        It may raise any exception or never return: the caller sets a time limit and calls again.
        ``deliver_event`` is for a provider that runs in this process.
        """
        ...


class _LateDecision(Enum):
    """How the sandbox decides when it does not decide at once."""

    ANSWER_LOST = "the first answer is lost"
    EVENT = "an event reports the decision"
    TWO_EVENTS = "the same event is sent twice"
    NEVER = "there is never an answer"


class Sandbox:
    """A provider that takes no money. It decides by the amount, at once for all but a few amounts.

    The few are counted in minor units: 900,001 of them are 9000.01 EUR, 900001 JPY or 900.001 KWD.

    It has no state, so that every process can use it. Late decisions depend only on the time since
    the deposit was created.
    """

    DECLINED: Mapping[int, str] = {
        900_001: "CARD_DECLINED",
        900_002: "INSUFFICIENT_FUNDS",
    }
    LATE: Mapping[int, _LateDecision] = {
        900_003: _LateDecision.ANSWER_LOST,
        900_004: _LateDecision.EVENT,
        900_005: _LateDecision.TWO_EVENTS,
        900_006: _LateDecision.NEVER,
    }
    DECIDES_AFTER = timedelta(seconds=3)

    def __init__(self, webhook_secret: str) -> None:
        self._webhook = Webhook(webhook_secret)

    def at_once(self, charge: Charge) -> Decision | None:
        """Decide all amounts except those that are decided later."""
        units = _minor_units(charge)
        return None if units in self.LATE else Decision(self.DECLINED.get(units))

    async def charge(
        self, charge: Charge, now: datetime, deliver_event: DeliverEvent
    ) -> Decision | None:
        """Answer with the decision, deliver an event, or never return."""
        late = self.LATE.get(_minor_units(charge))
        decided = now - charge.asked_at >= self.DECIDES_AFTER
        if late is _LateDecision.NEVER or (late is _LateDecision.ANSWER_LOST and not decided):
            await asyncio.Event().wait()
        if late in (_LateDecision.EVENT, _LateDecision.TWO_EVENTS):
            if decided:
                for _ in range(2 if late is _LateDecision.TWO_EVENTS else 1):
                    await deliver_event(*self._event(charge))
            return None
        return self.at_once(charge) or Decision()

    def _event(self, charge: Charge) -> tuple[Mapping[str, str], bytes]:
        # Signatures are verified by the real time, so the process's clock must not be used here.
        now, name = datetime.now(UTC), f"sandbox-{charge.id}"
        data = EventData(charge.id, str(charge.amount), charge.currency)
        body = msgspec.json.encode(Event(SUCCEEDED, now.isoformat(), data))
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(name, now, body.decode()),
        }
        return headers, body


def _minor_units(charge: Charge) -> int:
    return int(charge.amount / currency(charge.currency).unit)


def new_provider(settings: Settings) -> Provider:
    """Make the provider that the settings name."""
    return Sandbox(settings.provider_webhook_secret.get_secret_value())
