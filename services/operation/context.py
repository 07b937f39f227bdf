"""What a call carries: the process it runs in, the request it came with, and the call itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from persistence.database.transactions import QueryStats, Reader
from persistence.database.views import Wanted as Wanted
from services.access.addresses import Address
from services.access.callers import Caller, viewer_values
from services.cache.cache import Load, decoder, shape
from services.errors.base import FieldError
from services.errors.common import Forbidden, PreconditionFailed, Unauthenticated
from services.etags import Versioned, names_version
from services.ids import new_id
from services.operation.declaration import Declaration
from services.process import Process
from services.quota.quota import Allowance
from services.settings import Settings

log = structlog.get_logger("tandem.request")

#: Entities whose reads are kept; the tags of one are its own, and its kind's for lists.
_KEPT = frozenset({"product", "category"})


@dataclass(slots=True)
class Request:
    """One HTTP request as operations see it, whichever face it came through.

    ``bearer`` is the token of the Authorization header: None when there is no header, "" when it
    holds no bearer token.
    """

    process: Process
    id: str
    face: str
    #: Of the ``traceparent`` that the caller sent.
    trace_id: str | None = None
    bearer: str | None = None
    user_agent: str | None = None
    #: Where the call came from; None when it came from ourselves.
    address: Address | None = None
    stats: QueryStats = field(default_factory=QueryStats)
    #: What the face found wrong with values before the operation looks at them.
    faults: list[FieldError] = field(default_factory=list)
    #: Set when an answer was replayed from an idempotency key.
    replayed: bool = False
    caller: Caller | None = None
    authenticated: bool = False
    #: Statements that only found out who calls: those are no part of the answer.
    authentication_statements: int = 0
    #: Set when a write is about to be committed: who hears no more of it cannot know what became of
    #: it.
    committing: bool = False
    #: Set when all of the request was charged at once: operations inside it are free.
    prepaid: bool = False
    #: What the call left of the tightest budget that it was charged to.
    allowance: Allowance | None = None
    #: Whether what operations answered was kept: HIT, MISS or BYPASS; the last of these that was.
    cached: str | None = None

    @property
    def x_cache(self) -> str:
        """Where the answer came from, for X-Cache: HIT when all of it was kept, MISS, or BYPASS
        when some of it is for this caller alone."""
        if self.cached == "HIT" and self.stats.statements > self.authentication_statements:
            return "MISS"  # relations beside what was kept
        return self.cached or "BYPASS"

    def note_cache(self, how: str) -> None:
        """Say of a part of the answer: HIT, MISS or BYPASS."""
        if self.cached is None or how == "BYPASS" or self.cached == "HIT":
            self.cached = how

    def fault(self, error: BaseException) -> None:
        """Log a fault of ours; the caller is told `Internal`."""
        log.error("fault", request_id=self.id, face=self.face, exc_info=error)

    @property
    def reader(self) -> Reader:
        """A read session that counts into this request's tally."""
        return self.process.database.reader(self.stats)


def viewer_values_for_relation(request: Request, noun: str) -> dict[str, Any]:
    """What a view needs to know of a relation's reader.

    No operation checked that the caller may read the noun. An API key that may not read it sees
    what a caller without a token sees.
    """
    caller = request.caller
    if caller is not None and not caller.may_read_own(noun):
        caller = None
    return viewer_values(caller, noun, request.process.clock())


@dataclass(slots=True)
class Context:
    """One call of one operation."""

    request: Request
    operation: Declaration[Any]
    caller: Caller | None
    if_match: str | None = None
    #: What the operation's ``prepare`` step found before the transaction began.
    prepared: Any = None
    #: What a face wants of the things that a read finds; None is all of them.
    wanted: Wanted | None = None
    entity: str | None = None
    entity_id: str | None = None
    changed: Sequence[str] = ()
    #: May what is kept be answered as it is, `Encoded`?
    encoded: bool = False
    #: Tags of the cache whose values are outdated when this call has committed.
    outdated_tags: set[str] = field(default_factory=set)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.request.process.clock()

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return self.request.process.settings

    @property
    def process(self) -> Process:
        """The process the call runs in."""
        return self.request.process

    @property
    def reader(self) -> Reader:
        """A read session."""
        return self.request.reader

    @property
    def user_id(self) -> str:
        """The caller's user id; operations for signed-in callers only."""
        if self.caller is None:
            raise Unauthenticated
        return self.caller.user_id

    @property
    def actor_id(self) -> str | None:
        """Who acts, for what is written down; None when it is a job."""
        return self.caller and self.caller.user_id

    @property
    def viewer_values(self) -> dict[str, Any]:
        """What views need to know of the caller; see persistence/database/views.py."""
        seen = viewer_values(self.caller, self.operation.noun, self.now)
        if self.operation.internal or self.operation.over_all:
            seen["sees_all"] = True
        return seen

    def reset(self) -> None:
        """Forget what an earlier attempt of the transaction noted here."""
        self.entity, self.entity_id, self.changed = None, None, ()
        self.outdated_tags.clear()

    def refresh_now(self) -> None:
        """Read the clock again after a wait for a lock, to sort after what was waited for."""
        self.now = self.process.clock()

    def new_id(self) -> str:
        """A new id that sorts by this call's time."""
        return new_id(self.now)

    def require_ownership(self, owner_id: str) -> None:
        """Refuse somebody else's thing, unless the permission has a wider one that is held."""
        if self.operation.internal:
            return
        who = self.operation.who
        wider = who and who.wider
        if owner_id != self.user_id and not (wider and self.caller and self.caller.may(wider)):
            raise Forbidden

    def match(self, entity: Versioned) -> None:
        """Refuse a conditional write when the caller knew another version."""
        if self.if_match is not None and not names_version(self.if_match, entity.version):
            raise PreconditionFailed(details={"version": entity.version})

    def record(self, entity: str, entity_id: str, *changed: str) -> None:
        """Say in the audit row what the operation was done to."""
        self.entity, self.entity_id, self.changed = entity, entity_id, changed
        self.invalidate(entity, entity_id)

    def invalidate(self, entity: str, *ids: str) -> None:
        """Say that entities look different from now on, in themselves and in lists."""
        if entity in _KEPT:
            self.outdated_tags.add(entity)
            self.outdated_tags.update([f"{entity}:{id}" for id in ids])

    @property
    def cacheable(self) -> bool:
        """May the cache keep what this call answers? Only what everybody sees."""
        kept = bool(self.operation.cached) and self.process.cache.on
        return kept and not self.viewer_values["sees_all"]

    async def cached(self, kind: Any, key: str, load: Load) -> Any:
        """What the cache has under a key of this operation, else what ``load`` gives.

        Only where the operation declares it, and for callers who see what everybody sees. Answers
        one of ``kind``, or it `Encoded` where the caller of the operation takes that.
        """
        cache, op = self.process.cache, self.operation
        if not self.cacheable:
            self.request.note_cache("BYPASS")
            return await load()
        tags = [tag + key if tag[-1] == ":" else tag for tag in op.cached]
        encoded, thing, hit = await cache.find(f"{op.name}:{shape(kind)}:{key}", tags, load)
        self.request.note_cache("HIT" if hit else "MISS")
        if self.encoded:
            return encoded
        return decoder(kind).decode(encoded.body) if thing is None else thing
