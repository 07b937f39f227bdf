"""Declarations: what an operation is called, who may call it, and what it may answer.

A declaration is data only. running.py enforces it, and operation.py makes it callable.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from enum import Enum
from typing import Any, Generic, TypeVar, get_args

from services.access.permissions import Permission
from services.errors.base import TandemError
from services.errors.common import COMMON, KEYED, PreconditionFailed
from services.events.types import EventType, Silent
from services.exports.row_files import RowFile
from services.operation.inputs import Input
from services.quota.quota import Policy

In = TypeVar("In", bound=Input)
Step = Callable[..., Awaitable[Any]]


class Key(Enum):
    """Whether a write takes an idempotency key."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True)
class Deprecation:
    """Since when something is deprecated, until when it works, and what to use instead."""

    since: date
    sunset: date
    instead: str

    @property
    def reason(self) -> str:
        """A sentence for SDL and OpenAPI."""
        return f"{self.instead} Works until {self.sunset.isoformat()}."

    @property
    def headers(self) -> dict[str, str]:
        """``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594)."""
        since = datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC)
        sunset = datetime(self.sunset.year, self.sunset.month, self.sunset.day, tzinfo=UTC)
        return {
            "Deprecation": f"@{int(since.timestamp())}",
            "Sunset": format_datetime(sunset, usegmt=True),
        }


@dataclass(frozen=True, eq=False)
class Declaration(Generic[In]):
    """A named unit of business, with everything that no face may decide for itself."""

    name: str
    #: The operation's own function. Its docstring is the description in both contracts.
    run: Step
    #: The permission that a caller needs; None when anybody may call it.
    who: Permission | None
    input: type[In]
    result: Any
    errors: frozenset[type[TandemError]]
    #: Further permissions that the caller needs. GraphQL nests some reads in a thing, so every face
    #: asks for the permission to read that thing too.
    also: tuple[Permission, ...] = ()
    writes: bool = False
    #: The types of events that a write may emit, or the reason why it emits none.
    emits: tuple[EventType, ...] | Silent | None = None
    #: A read whose input is too large or too private for a URL: REST takes it in a body.
    body: bool = False
    #: A write about a file, which REST also takes itself, as a form.
    takes_file: bool = False
    key: Key = Key.NONE
    paged: bool = False
    #: The file of a read that answers with one: REST sends it, GraphQL gives its signed URL.
    file: RowFile | None = None
    #: A read whose answer is a stream of results, one after the other, until somebody ends it.
    streams: bool = False
    #: A write that takes ``ifMatch``.
    conditional: bool = False
    ignores_token: bool = False
    #: The cache's tags of a read whose answers are cached; an id follows a tag that ends in ":".
    cached: tuple[str, ...] = ()
    #: The operation may end sessions or API keys. The process that runs it polls for revocations
    #: at once; the other processes know within a second.
    revokes: bool = False
    cost: int = 1
    #: A tight policy that each call is charged to as well.
    quota: Policy | None = None
    #: The input field with the account that ``quota`` is about; None for the caller's own account.
    account: str | None = None
    #: Finds the id of the session that pays for a call without a token; it gets the request and the
    #: raw input. The address pays where it finds none.
    paid_by: Step | None = None
    #: Runs before the transaction begins; its result is ``ctx.prepared``.
    prepare: Step | None = None
    #: Takes the locks that come before the caller's session; CONTRIBUTING has the order of locks.
    locks_before_session: Step | None = None
    deprecated: Deprecation | None = None
    #: Only jobs and the command line run it: it was declared with ``who=SYSTEM``.
    internal: bool = False
    description: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "description", inspect.cleandoc(self.run.__doc__ or ""))
        errors = self.errors | COMMON
        if self.key is not Key.NONE:
            errors |= KEYED
        if self.conditional:
            errors |= {PreconditionFailed}
        object.__setattr__(self, "errors", frozenset(errors))

    @property
    def results(self) -> tuple[Any, ...]:
        """The types it may answer: one, or several where the type depends on the caller."""
        return get_args(self.result) or (self.result,)

    @property
    def needs(self) -> tuple[Permission, ...]:
        """Every permission that a caller needs; none when anybody may call it."""
        return () if self.who is None else (self.who, *self.also)

    @property
    def over_all(self) -> bool:
        """Does the permission that it needs cover everybody's things?"""
        return self.who is not None and self.who == self.who.wider

    @property
    def noun(self) -> str:
        """The noun of its name: ``orders`` of ``orders.pay``."""
        return self.name.partition(".")[0]

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return self.description.split("\n", 1)[0].rstrip(".")
