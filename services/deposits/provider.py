"""The payment provider behind one small port, and the sandbox that stands in for it.

A provider takes the money of a deposit outside of Tandem. It is asked with the deposit's id, which
is its idempotency key: however often it is asked, the money is taken once.
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

from services.settings import Settings


class Charge(Struct, frozen=True):
    """What a provider is asked for: to take the money of the deposit with this id."""

    id: str
    amount: Decimal
    currency: str
    asked_at: datetime


class Decision(Struct, frozen=True):
    """What a provider decided: it has the money, unless ``failure_code`` says why it has not."""

    failure_code: str | None = None


class EventData(Struct, frozen=True, rename="camel"):
    """What an event says of a deposit; ``amount`` is decimal text."""

    deposit_id: str
    amount: str
    currency: str
    failure_code: str | None = None


class Event(Struct, frozen=True):
    """An event as it is sent: the body of a Standard Webhooks message."""

    type: str
    timestamp: str
    data: EventData


SUCCEEDED, FAILED = "deposit.succeeded", "deposit.failed"

#: Takes the headers and the body of a signed event, as if they had been sent.
DeliverEvent = Callable[[Mapping[str, str], bytes], Awaitable[None]]


class Provider(Protocol):
    """Whoever takes the money."""

    def at_once(self, charge: Charge) -> Decision | None:
        """What is decided without asking anybody; None where `charge` has to ask.

        It is called inside a transaction, so a provider behind a network always answers None.
        """
        ...

    async def charge(
        self, charge: Charge, now: datetime, deliver_event: DeliverEvent
    ) -> Decision | None:
        """Take the money, or say what became of it; None while that is not decided.

        Raises what it likes when there is no answer, and may take for ever: the caller limits it
        and asks again. ``deliver_event`` is for a provider that lives in this process.
        """
        ...


class _LateDecision(Enum):
    """How the sandbox decides when it does not do so at once."""

    ANSWER_LOST = "the first answer is lost"
    EVENT = "an event tells"
    TWO_EVENTS = "the same event tells twice"
    NEVER = "there is no answer"


class Sandbox:
    """Takes no money: it decides by the amount, and at once for all but a few amounts.

    It keeps nothing, so that any process may ask it: what it says later depends on how long ago
    the deposit was asked for.
    """

    DECLINED: Mapping[Decimal, str] = {
        Decimal("9000.01"): "CARD_DECLINED",
        Decimal("9000.02"): "INSUFFICIENT_FUNDS",
    }
    LATE: Mapping[Decimal, _LateDecision] = {
        Decimal("9000.03"): _LateDecision.ANSWER_LOST,
        Decimal("9000.04"): _LateDecision.EVENT,
        Decimal("9000.05"): _LateDecision.TWO_EVENTS,
        Decimal("9000.06"): _LateDecision.NEVER,
    }
    DECIDES_AFTER = timedelta(seconds=3)

    def __init__(self, webhook_secret: str) -> None:
        self._webhook = Webhook(webhook_secret)

    def at_once(self, charge: Charge) -> Decision | None:
        """The decision, for all amounts but those that are decided later."""
        if charge.amount in self.LATE:
            return None
        return Decision(self.DECLINED.get(charge.amount))

    async def charge(
        self, charge: Charge, now: datetime, deliver_event: DeliverEvent
    ) -> Decision | None:
        """The decision, an event, or no answer at all."""
        late = self.LATE.get(charge.amount)
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
        # Signatures are checked by the clock on the wall, whatever time a process is told.
        now, name = datetime.now(UTC), f"sandbox-{charge.id}"
        data = EventData(charge.id, str(charge.amount), charge.currency)
        body = msgspec.json.encode(Event(SUCCEEDED, now.isoformat(), data))
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(name, now, body.decode()),
        }
        return headers, body


def new_provider(settings: Settings) -> Provider:
    """The provider that the settings name."""
    return Sandbox(settings.provider_webhook_secret.get_secret_value())
