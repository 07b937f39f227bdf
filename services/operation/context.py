"""The request, and the call of an operation in it."""

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
from services.errors.base import FieldError, TandemError
from services.errors.common import Forbidden, PreconditionFailed, Unauthenticated
from services.etags import Versioned, entity_tag, names_tag, names_version
from services.ids import new_id
from services.operation.declaration import Declaration
from services.process import Process
from services.quota.quota import Allowance, Cost
from services.request_log import RequestLog
from services.settings.settings import Settings

log = structlog.get_logger("tandem.request")

#: Entities whose reads are cached. Each one has a tag of its own, and lists have the kind's tag.
_CACHED = frozenset({"product", "category", "post"})


@dataclass(slots=True)
class Request:
    """One HTTP request as operations see it, whichever face it came through.

    ``bearer`` is the token of the Authorization header: None without the header, "" when the header
    has no bearer token.
    """

    process: Process
    id: str
    face: str
    #: The trace id of the caller's ``traceparent`` header.
    trace_id: str | None = None
    bearer: str | None = None
    user_agent: str | None = None
    #: The client's address; None when Tandem itself calls.
    address: Address | None = None
    stats: QueryStats = field(default_factory=QueryStats)
    #: The If-None-Match header of a REST write; the face itself answers that of a read.
    if_none_match: str | None = None
    #: Bad fields that the face found before the operation checks its input.
    faults: list[FieldError] = field(default_factory=list)
    #: Whether the answer is the replay of an earlier call with its idempotency key.
    replayed: bool = False
    caller: Caller | None = None
    authenticated: bool = False
    #: Statements that authenticated the caller, which are no part of the answer.
    authentication_statements: int = 0
    #: Whether a COMMIT has begun. After that, a caller without an answer cannot know the outcome.
    committing: bool = False
    #: Whether the request was charged as a whole, so that operations inside it are free.
    prepaid: bool = False
    #: Whether the address was charged for the call, and not a caller or a session.
    paid_by_address: bool = False
    #: The tightest budget that the request was charged to, after the charge.
    allowance: Allowance | None = None
    #: HIT, MISS or BYPASS: how the cache served the operations of this request.
    cached: str | None = None
    #: What the line of an HTTP request says at its end; None where no such line comes.
    log: RequestLog | None = None

    @property
    def x_cache(self) -> str:
        """The X-Cache header.

        HIT when all of the answer came from the cache, BYPASS when a part of it is for this caller
        only, else MISS.
        """
        if self.cached == "HIT" and self.stats.statements > self.authentication_statements:
            return "MISS"  # relations were read from the database
        return self.cached or "BYPASS"

    def note_cache(self, how: str) -> None:
        """Note how the cache served a part of the answer: HIT, MISS or BYPASS."""
        if self.cached is None or how == "BYPASS" or self.cached == "HIT":
            self.cached = how

    def failed(self, error: BaseException) -> None:
        """Log a failure of Tandem's own with its trace; the caller is told `Internal`."""
        if self.log is None:
            log.error("failure", request_id=self.id, face=self.face, exc_info=error)
        else:
            self.log.failure(error)

    def told(self, error: TandemError) -> None:
        """Note an error that the caller is told."""
        if self.log is not None:
            self.log.error(error)

    @property
    def currency(self) -> str:
        """The code of the shop's currency."""
        return self.process.settings.currency

    @property
    def reader(self) -> Reader:
        """A read session whose statements count into ``stats``."""
        return self.process.database.reader(self.stats)


def viewer_values_for_relation(request: Request, noun: str) -> dict[str, Any]:
    """The values that a view needs of a relation's reader.

    No operation checked that the caller may read the noun. An API key that may not read it sees
    what a caller without a token sees.
    """
    caller = request.caller
    if caller is not None and not caller.may_read_own(noun):
        caller = None
    return viewer_values(caller, noun, request.process.clock())


def viewer_values_of(op: Declaration[Any], caller: Caller | None, now: datetime) -> dict[str, Any]:
    """The values that a view needs of the caller of an operation.

    Everybody's things are seen only by a caller who may see all things of every noun that the
    operation's permissions are about.
    """
    values = viewer_values(caller, op.noun, now)
    for permission in op.also:
        values["sees_all"] &= caller is not None and caller.may_read_all(permission.noun)
        values["reads_own"] &= caller is not None and caller.may_read_own(permission.noun)
    values["sees_all"] |= op.internal or op.over_all
    values["reads_own"] |= op.writes
    return values


@dataclass(slots=True)
class Context:
    """One call of one operation."""

    request: Request
    operation: Declaration[Any]
    caller: Caller | None
    if_match: str | None = None
    #: The units that an attempt on a password has reserved.
    reserved: Sequence[Cost] = ()
    #: Whether the attempt's password is right, so that it gets its units back.
    right_password: bool = False
    #: The result of the operation's ``prepare`` step.
    prepared: Any = None
    #: The fields that a face wants of a read; None for all of them.
    wanted: Wanted | None = None
    entity: str | None = None
    entity_id: str | None = None
    changed: Sequence[str] = ()
    #: Whether the caller takes a cached answer as it is stored, `Encoded`.
    encoded: bool = False
    #: The cache's tags whose values are outdated once this call has committed.
    outdated_tags: set[str] = field(default_factory=set)
    #: The events that the operation has emitted so far; see services/events/emitting.py.
    events: list[Any] = field(default_factory=list)
    #: The time that PostgreSQL gives to the rows that the transaction changes; None where no
    #: statement asked for it.
    row_time: datetime | None = None
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
        """The caller's user id; raises `Unauthenticated` without a caller."""
        if self.caller is None:
            raise Unauthenticated
        return self.caller.user_id

    @property
    def actor_id(self) -> str | None:
        """The user id in the audit row and in history; None when a job acts."""
        return self.caller and self.caller.user_id

    @property
    def viewer_values(self) -> dict[str, Any]:
        """The values that a view needs of its reader; see persistence/database/views.py."""
        return viewer_values_of(self.operation, self.caller, self.now)

    def reset(self) -> None:
        """Forget what an earlier attempt of the transaction noted here."""
        self.entity, self.entity_id, self.changed = None, None, ()
        self.outdated_tags.clear()
        self.events.clear()
        self.row_time = None

    def refresh_now(self) -> None:
        """Read the clock again after a wait for a lock, to sort after what held the lock."""
        self.now = self.process.clock()

    def new_id(self) -> str:
        """A new id that sorts by this call's time."""
        return new_id(self.now)

    def require_ownership(self, owner_id: str) -> None:
        """Raise `Forbidden` for somebody else's thing, unless the caller may do this to all."""
        if self.operation.internal:
            return
        who = self.operation.who
        wider = who and who.wider
        if owner_id != self.user_id and not (wider and self.caller and self.caller.may(wider)):
            raise Forbidden

    def match(self, entity: Versioned) -> None:
        """Raise `PreconditionFailed` when a condition of the call does not hold for the entity.

        ``ifMatch`` must name its version; If-None-Match must not name it as it is now.
        """
        unwanted = self.request.if_none_match
        if (self.if_match is not None and not names_version(self.if_match, entity)) or (
            unwanted is not None and names_tag(unwanted, entity_tag(entity))
        ):
            raise PreconditionFailed(details={"version": entity.version})

    def record(self, entity: str, entity_id: str, *changed: str) -> None:
        """Note for the audit row which entity the operation changed, and which of its fields."""
        self.entity, self.entity_id, self.changed = entity, entity_id, changed
        self.invalidate(entity, entity_id)

    def invalidate(self, entity: str, *ids: str) -> None:
        """Outdate entities in the cache once this call has committed, alone and in lists."""
        if entity in _CACHED:
            self.outdated_tags.add(entity)
            self.outdated_tags.update([f"{entity}:{id}" for id in ids])

    @property
    def cacheable(self) -> bool:
        """May the cache store this call's answer? Only one that every caller sees."""
        cached = bool(self.operation.cached) and self.process.cache.on
        return cached and not self.viewer_values["sees_all"]

    async def cached(self, kind: Any, key: str, load: Load) -> Any:
        """The cached answer under a key of this operation, else the one that ``load`` gives.

        ``load`` runs as well for a caller who sees more than everybody does. Answers one of
        ``kind``, or `Encoded` where the face takes that.
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
