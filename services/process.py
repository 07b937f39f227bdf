"""The process: everything that the requests of one process share, wired from settings."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from persistence.database.connections import Limits
from persistence.database.failures import DatabaseError
from persistence.database.pool import Database
from persistence.reachability import Reachability
from services.access.api_keys import FLUSH_SECONDS, ApiKeys
from services.access.passwords import Passwords
from services.access.places import Places
from services.access.revocations import POLL_SECONDS, Revocations
from services.access.signing import Seal
from services.access.tokens import TokenKeys
from services.audit.proofs import AuditKeys
from services.cache.cache import Cache
from services.cache.persisted_queries import PersistedQueries
from services.deposits.provider import Provider, new_provider
from services.events.cursors import LogCursors
from services.events.hub import EventHub
from services.events.sequencing import Sequencer
from services.fast.joined_charges import JoinedCharges
from services.fast.redis_pipeline import Pipeline
from services.files.choosing import new_store
from services.files.store import FileStore
from services.operation.cursors import CursorKeys
from services.operation.key_turns import KeyTurns
from services.periodic_tasks import PeriodicTasks
from services.posts.counting import PostViews
from services.process_metrics import SAMPLE_SECONDS, ProcessMetrics
from services.quota.gcra import ask_redis
from services.quota.quota import Quota
from services.redis_calls import PooledCalls, RedisCalls
from services.settings.settings import Settings
from services.shared_clock import MEASURE_SECONDS, SharedClock, machine_clock
from services.uploads.decoding import ImageDecoder

#: How often signing keys are read, so that a deleted one verifies nowhere after a second.
_KEYS_SECONDS = 0.5
#: How often a process tries to outdate cached values that it could not while Redis was away.
_PENDING_BUMPS_SECONDS = 0.5


@dataclass
class Process:
    """The parts that all requests of a process share.

    No part holds a request: each takes values and returns values.
    """

    settings: Settings
    database: Database
    redis: Redis
    redis_calls: RedisCalls
    redis_reachability: Reachability
    cache: Cache
    persisted_queries: PersistedQueries
    tokens: TokenKeys
    revocations: Revocations
    api_keys: ApiKeys
    cursors: CursorKeys
    log_cursors: LogCursors
    sequencer: Sequencer
    event_hub: EventHub
    passwords: Passwords
    places: Places
    key_turns: KeyTurns
    quota: Quota
    post_views: PostViews
    provider: Provider
    files: FileStore
    image_decoder: ImageDecoder
    #: The time by which operations decide; tests give another one than ``shared_clock``.
    clock: Callable[[], datetime]
    shared_clock: SharedClock
    #: When the process was made, by the monotonic clock.
    started_at: float
    periodic_tasks: PeriodicTasks
    audit_keys: AuditKeys

    async def open(self) -> None:
        """Start the periodic tasks, connect, compare the clocks, and load the signing keys.

        Raises `DatabaseError` when PostgreSQL cannot be reached; requests and periodic tasks try
        again. Raises `SealedElsewhere` when this process has the wrong secret.
        """
        self.periodic_tasks.start()
        await self.database.open()
        await self.shared_clock.measured()
        await self.tokens.load()

    async def close(self) -> None:
        """Stop the periodic tasks and close every connection."""
        await self.event_hub.close()
        await self.periodic_tasks.stop()
        with suppress(DatabaseError):
            await self.api_keys.flush()
            await self.post_views.flush()
        await self.cache.send_pending_bumps()
        await self.database.close()
        self.redis_calls.close()
        await self.redis.aclose()


def new_process(
    settings: Settings,
    clock: Callable[[], datetime] | None = None,
    own_clock: Callable[[], datetime] = machine_clock,
) -> Process:
    """A process wired from settings; nothing is connected yet.

    Operations decide by ``clock``. By default it is the machine's, ``own_clock``, corrected by
    PostgreSQL's.
    """
    database = new_database(settings)
    shared_clock = SharedClock(database, own_clock)
    clock = clock or shared_clock
    redis = new_redis(settings)
    if settings.fast_paths:
        redis_calls = Pipeline(redis, settings.redis_seconds)
        ask = JoinedCharges(redis_calls).ask
    else:
        redis_calls = PooledCalls(redis, settings.redis_seconds)
        ask = partial(ask_redis, redis_calls)
    reachability = Reachability(
        "Redis", settings.redis_url, "nothing is cached, each process limits its share of quotas"
    )
    cache = Cache(settings, redis_calls, reachability, serves_encoded=settings.fast_paths)
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
    log_cursors = LogCursors(*settings.secrets)
    sequencer = Sequencer(settings, database, cache, redis_calls, reachability, clock)
    event_hub = EventHub(settings, database, redis, sequencer, log_cursors, revocations, clock)
    post_views = PostViews(settings, database, redis_calls, reachability)
    periodic_tasks = PeriodicTasks()
    periodic_tasks.every(POLL_SECONDS, revocations.poll)
    periodic_tasks.every(FLUSH_SECONDS, api_keys.flush)
    periodic_tasks.every(settings.views_seconds, post_views.flush)
    periodic_tasks.every(_KEYS_SECONDS, tokens.load)
    periodic_tasks.every(MEASURE_SECONDS, shared_clock.measure)
    periodic_tasks.every(_PENDING_BUMPS_SECONDS, cache.send_pending_bumps)
    process = Process(
        settings=settings,
        database=database,
        redis=redis,
        redis_calls=redis_calls,
        redis_reachability=reachability,
        cache=cache,
        persisted_queries=PersistedQueries(settings, redis_calls, reachability),
        tokens=tokens,
        revocations=revocations,
        api_keys=api_keys,
        cursors=CursorKeys(*settings.secrets),
        log_cursors=log_cursors,
        sequencer=sequencer,
        event_hub=event_hub,
        passwords=Passwords(settings.password_hashes_at_once, settings.bcrypt_rounds),
        places=Places(*settings.secrets),
        key_turns=KeyTurns(settings.key_wait_seconds, settings.pool_max),
        quota=Quota(settings, ask, reachability),
        post_views=post_views,
        provider=new_provider(settings),
        files=new_store(settings),
        image_decoder=ImageDecoder(settings),
        clock=clock,
        shared_clock=shared_clock,
        started_at=time.monotonic(),
        periodic_tasks=periodic_tasks,
        audit_keys=AuditKeys(*settings.every_secret),
    )
    periodic_tasks.every(SAMPLE_SECONDS, ProcessMetrics(process).sample)
    return process


def new_redis(settings: Settings) -> Redis:
    """The client of Redis that the settings describe; nothing is connected yet.

    It does not repeat a call that failed: Redis may have done it, and the waits would add up.
    """
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=settings.redis_seconds,
        socket_connect_timeout=settings.redis_seconds,
        retry=Retry(NoBackoff(), 0),
    )


def new_database(settings: Settings) -> Database:
    """The database that the settings describe; nothing is connected yet."""
    return Database(settings.database_url, database_limits(settings), fast=settings.fast_paths)


def database_limits(settings: Settings) -> Limits:
    """The sizes and waits of the pool."""
    return Limits(
        pool_min=settings.pool_min,
        pool_max=settings.pool_max,
        pool_wait=settings.pool_wait_seconds,
        pool_idle=settings.pool_idle_seconds,
        connect=settings.connect_seconds,
        statement=settings.statement_seconds,
        lock=settings.lock_seconds,
        idle_transaction=settings.idle_transaction_seconds,
        slow_statement=settings.slow_statement_seconds,
        log_statements=settings.least_level == "debug",
    )
