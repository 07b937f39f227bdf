"""What a call carries: the process it runs in, the request it came with, and the call itself."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from persistence.database.connections import Limits
from persistence.database.failures import DatabaseError
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats, Reader
from persistence.database.views import Wanted as Wanted
from services.access.addresses import Address
from services.access.api_keys import FLUSH_SECONDS, ApiKeys
from services.access.callers import Caller, viewer_values
from services.access.passwords import Passwords
from services.access.revocations import POLL_SECONDS, Revocations
from services.access.signing import Seal
from services.access.tokens import TokenKeys
from services.audit.proofs import AuditKeys
from services.cache.cache import Cache, Load, decoder, shape
from services.deposits.provider import Provider, new_provider
from services.errors.common import FieldError, Forbidden, PreconditionFailed, Unauthenticated
from services.fast.redis_pipeline import Pipeline
from services.ids import new_id
from services.operation.cursors import CursorKeys
from services.operation.etags import Versioned, names_version
from services.operation.idempotency import KeyGate
from services.periodic_tasks import PeriodicTasks
from services.quota.quota import Allowance, Quota
from services.settings import Settings

if TYPE_CHECKING:
    from services.operation.running import Operation

log = structlog.get_logger("tandem.request")

#: Entities whose reads are kept; the tags of one are its own, and its kind's for lists.
_KEPT = frozenset({"product", "category"})

#: How often signing keys are read: one that is taken away counts nowhere a second later.
_KEYS_SECONDS = 0.5
#: How often a process tries to renew what it could not while Redis was away.
_PENDING_BUMPS_SECONDS = 0.5


@dataclass
class Process:
    """What every request of a process shares; made once by the composition root."""

    settings: Settings
    database: Database
    redis: Redis
    #: The faster way to Redis; None where everything goes the readable way.
    pipeline: Pipeline | None
    cache: Cache
    tokens: TokenKeys
    revocations: Revocations
    api_keys: ApiKeys
    cursors: CursorKeys
    passwords: Passwords
    gate: KeyGate
    quota: Quota
    provider: Provider
    clock: Callable[[], datetime]
    started_at: datetime
    periodic_tasks: PeriodicTasks
    audit_keys: AuditKeys

    async def open(self) -> None:
        """Connect, load the keys, and start what runs beside the requests.

        Raises `DatabaseError`: what could not be reached is tried again by the requests and by
        the watches themselves. Raises `SealedElsewhere` when this process has the wrong secret.
        """
        self.periodic_tasks.start()
        await self.database.open()
        await self.tokens.load()

    async def close(self) -> None:
        """Stop the watches and close every connection."""
        await self.periodic_tasks.stop()
        with suppress(DatabaseError):
            await self.api_keys.flush()
        await self.cache.send_pending_bumps()
        await self.database.close()
        if self.pipeline is not None:
            self.pipeline.close()
        await self.redis.aclose()


def new_process(settings: Settings, clock: Callable[[], datetime] | None = None) -> Process:
    """Everything that operations need, wired from settings; nothing is connected yet."""
    clock = clock or (lambda: datetime.now(UTC))
    database = new_database(settings)
    redis = new_redis(settings)
    pipeline = Pipeline(redis, settings.redis_seconds) if settings.fast_paths else None
    cache = Cache(redis, settings, pipeline)
    tokens = TokenKeys(
        database,
        Seal(*settings.secrets),
        clock,
        issuer=settings.issuer,
        audience=settings.audience,
        seconds=settings.access_token_seconds,
        remembered=settings.token_cache,
    )
    revocations = Revocations(database, clock, settings.access_token_seconds)
    api_keys = ApiKeys(database, revocations)
    periodic_tasks = PeriodicTasks()
    periodic_tasks.every(POLL_SECONDS, revocations.poll)
    periodic_tasks.every(FLUSH_SECONDS, api_keys.flush)
    periodic_tasks.every(_KEYS_SECONDS, tokens.load)
    periodic_tasks.every(_PENDING_BUMPS_SECONDS, cache.send_pending_bumps)
    return Process(
        settings=settings,
        database=database,
        redis=redis,
        pipeline=pipeline,
        cache=cache,
        tokens=tokens,
        revocations=revocations,
        api_keys=api_keys,
        cursors=CursorKeys(*settings.secrets),
        passwords=Passwords(settings.password_hashes_at_once, settings.bcrypt_rounds),
        gate=KeyGate(settings.key_wait_seconds, settings.pool_max),
        quota=Quota(redis, settings, pipeline),
        provider=new_provider(settings),
        clock=clock,
        started_at=clock(),
        periodic_tasks=periodic_tasks,
        audit_keys=AuditKeys(*settings.every_secret),
    )


def new_redis(settings: Settings) -> Redis:
    """The way to Redis that the settings describe; nothing is connected yet.

    A call that failed is not made again: what it does may have been done, and waits add up.
    """
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=settings.redis_seconds,
        socket_connect_timeout=settings.redis_seconds,
        retry=Retry(NoBackoff(), 0),
    )


def new_database(settings: Settings) -> Database:
    """The way to PostgreSQL that the settings describe; nothing is connected yet."""
    return Database(
        settings.database_url,
        Limits(
            pool_min=settings.pool_min,
            pool_max=settings.pool_max,
            pool_wait=settings.pool_wait_seconds,
            connect=settings.connect_seconds,
            statement=settings.statement_seconds,
            lock=settings.lock_seconds,
            idle_transaction=settings.idle_transaction_seconds,
            slow_statement=settings.slow_statement_seconds,
        ),
        fast_paths=settings.fast_paths,
    )


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
    asked_who: int = 0
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
        if self.cached == "HIT" and self.stats.statements > self.asked_who:
            return "MISS"  # relations beside what was kept
        return self.cached or "BYPASS"

    def count_cached(self, how: str) -> None:
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


@dataclass(slots=True)
class Context:
    """One call of one operation."""

    request: Request
    operation: "Operation[Any, Any]"
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
    touched: set[str] = field(default_factory=set)
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
        self.touch(entity, entity_id)

    def touch(self, entity: str, *ids: str) -> None:
        """Say that entities look different from now on, in themselves and in lists."""
        if entity in _KEPT:
            self.touched.add(entity)
            self.touched.update([f"{entity}:{id}" for id in ids])

    @property
    def keeps(self) -> bool:
        """May the cache keep what this call answers? Only what everybody sees."""
        kept = bool(self.operation.cached) and self.process.cache.on
        return kept and not self.viewer_values["sees_all"]

    async def kept(self, kind: Any, key: str, load: Load) -> Any:
        """What the cache has under a key of this operation, else what ``load`` gives.

        Only where the operation declares it, and for callers who see what everybody sees. Answers
        one of ``kind``, or it `Encoded` where the caller of the operation takes that.
        """
        cache, op = self.process.cache, self.operation
        if not self.keeps:
            self.request.count_cached("BYPASS")
            return await load()
        tags = [tag + key if tag[-1] == ":" else tag for tag in op.cached]
        encoded, thing, hit = await cache.find(f"{op.name}:{shape(kind)}:{key}", tags, load)
        self.request.count_cached("HIT" if hit else "MISS")
        if self.encoded:
            return encoded
        return decoder(kind).decode(encoded.body) if thing is None else thing
