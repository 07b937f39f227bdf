"""Settings, from the environment; no other module of services reads it.

Every variable begins with ``TANDEM_``, except ``DATABASE_URL`` and ``REDIS_URL``; an unknown
``TANDEM_`` name is refused. `api.cli.readme` makes docs/settings.md from this class.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.settings.content import ContentSettings
from services.settings.events import EventSettings
from services.settings.files import FileSettings
from services.settings.http import HttpSettings
from services.settings.logs import LogSettings
from services.settings.pool import PoolSettings
from services.settings.production import (
    DEVELOPMENT_SECRET,
    DEVELOPMENT_WEBHOOK_SECRET,
    broken_rules,
)
from services.settings.quota import QuotaSettings
from services.settings.types import (
    BUDGET_FACTORS,
    Networks,
    Secrets,
    Texts,
    known_currency,
    known_time_zone,
    one_address,
    postgres_address,
    redis_address,
    smtp,
    webhook_secret,
)
from services.settings.types import Environment as Environment


class Settings(
    ContentSettings,
    EventSettings,
    FileSettings,
    HttpSettings,
    LogSettings,
    PoolSettings,
    QuotaSettings,
):
    """All settings with their defaults; sizes in bytes, times in seconds, money in the currency."""

    model_config = SettingsConfigDict(
        env_prefix="TANDEM_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Environment = Field(
        default=Environment.DEVELOPMENT, description="The kind of installation."
    )
    database_url: Annotated[str, AfterValidator(postgres_address)] = Field(
        default="postgresql://localhost/tandem",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL's URL, as libpq takes it. Unset, `./scripts/serve` starts its own.",
    )
    redis_url: Annotated[str, AfterValidator(redis_address)] = Field(
        default="redis://localhost:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Redis's or Valkey's URL (redis://, rediss://). Unset, `serve` starts its own.",
    )
    public_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = Field(
        default="http://localhost:8000",
        description="The URL by which callers reach this API; every docUrl begins with it.",
    )

    secret: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_SECRET),
        min_length=32,
        description="Seals signing keys, signs cursors; at least 32 characters, on every process.",
    )
    previous_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="The secret before the last change; keys and cursors of it stay valid.",
    )
    older_secrets: Secrets = Field(
        default=(),
        description="Secrets before that one, comma-separated; they verify older seals of the audit"
        " log, and nothing else.",
    )
    issuer: str = Field(default="tandem", description="The iss claim of access tokens.")
    audience: str = Field(default="tandem-api", description="The aud claim of access tokens.")
    access_token_seconds: int = Field(default=900, ge=1, description="Life of an access token.")
    jwks_seconds: int = Field(
        default=300,
        ge=1,
        description="How long clients may cache the JWKS; a new key signs only after that time.",
    )
    fast_paths: bool = Field(
        default=True,
        description="Use the faster of two ways where there are two; both give the same answers.",
    )
    token_cache: int = Field(
        default=10_000,
        ge=0,
        description="Verified access tokens that a process remembers; 0 verifies every time.",
    )
    refresh_token_seconds: int = Field(
        default=604_800, ge=1, description="Life of a refresh token."
    )
    refresh_race_seconds: int = Field(
        default=10,
        ge=0,
        description="How long a spent refresh token may be sent again without ending the session.",
    )
    password_hashes_at_once: int = Field(
        default=2,
        ge=1,
        description="Password hashes computed at one time by a process (19 MiB each).",
    )
    bcrypt_rounds: int = Field(
        default=0,
        ge=0,
        le=15,
        description="Rounds of the bcrypt hashes imported from another system, 0 without any. Every"
        " sign-in does their work, so that its time tells nothing.",
    )

    currency: Annotated[str, AfterValidator(known_currency)] = Field(
        default="EUR",
        description="The shop's currency (ISO 4217), for good. It decides the decimals of amounts.",
    )
    tax_rate: Decimal = Field(
        default=Decimal("0.19"), ge=0, lt=1, description="The tax rate that prices include."
    )
    time_zone: Annotated[str, AfterValidator(known_time_zone)] = Field(
        default="UTC",
        description="The time zone of the shop's days and years, such as Europe/Berlin.",
    )
    seller_name: str = Field(
        default="Tandem demo shop", min_length=1, description="The seller's name on invoices."
    )
    seller_address: Texts = Field(
        default=("1 Example Street", "10115 Berlin"),
        description="The seller's address on invoices, lines separated by commas.",
    )
    seller_tax_number: str | None = Field(
        default=None, description="The seller's tax number on invoices."
    )
    seller_email: str | None = Field(
        default=None, description="The email address on invoices for buyers' questions."
    )
    invoice_link_seconds: int = Field(
        default=600, ge=1, description="Life of a signed link to an invoice's PDF."
    )
    hold_seconds: int = Field(
        default=900, ge=1, description="How long an unpaid order holds its stock and its money."
    )
    approval_above: Decimal = Field(
        default=Decimal("10000.00"),
        ge=0,
        description="An order with a total above this waits for a manager's approval.",
    )
    approval_seconds: int = Field(
        default=86_400, ge=1, description="How long an order waits for approval."
    )
    expiry_seconds: float = Field(
        default=5.0, gt=0, description="How often a worker looks for orders that waited too long."
    )

    provider: Literal["sandbox"] = Field(
        default="sandbox",
        description="The payment provider of deposits. The sandbox takes no real money, so that"
        " production must name it on purpose.",
    )
    provider_webhook_secret: Annotated[SecretStr, AfterValidator(webhook_secret)] = Field(
        default=SecretStr(DEVELOPMENT_WEBHOOK_SECRET),
        description="Verifies the provider's events (Standard Webhooks): whsec_ and 24 to 64 bytes"
        " in base64.",
    )
    provider_seconds: float = Field(
        default=10, gt=0, description="The longest wait for an answer of the provider."
    )

    pool_min: int = Field(
        default=5, ge=1, description="Database connections that a process keeps open."
    )
    pool_max: int = Field(default=20, ge=2, description="Most database connections of a process.")
    pool_wait_seconds: float = Field(
        default=5, gt=0, description="Longest wait for a connection of the pool."
    )
    connect_seconds: float = Field(
        default=5, gt=0, description="Longest wait for a new connection."
    )
    statement_seconds: float = Field(default=30, gt=0, description="Longest run of a statement.")
    lock_seconds: float = Field(
        default=5, gt=0, description="Longest wait of a statement for a lock."
    )
    idle_transaction_seconds: float = Field(
        default=30, gt=0, description="Longest idle time of a transaction."
    )
    key_wait_seconds: float = Field(
        default=2, gt=0, description="Longest wait of a retry for the first call with its key."
    )
    key_hours: int = Field(default=24, ge=1, description="How long idempotency keys are stored.")
    redis_seconds: float = Field(default=0.5, gt=0, description="Longest call to Redis.")
    cache_seconds: float = Field(
        default=60, ge=0, description="How long the cache stores an answer; 0 turns it off."
    )
    slow_statement_seconds: float = Field(
        default=0.2, gt=0, description="A slower statement is logged as a warning."
    )

    app_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] | None = Field(
        default=None,
        description="The frontend's URL, for links in mails; by default TANDEM_PUBLIC_URL.",
    )
    mail_from: Annotated[str, AfterValidator(one_address)] = Field(
        default="Tandem <tandem@localhost>", description="The sender of mails."
    )
    smtp_url: Annotated[SecretStr, AfterValidator(smtp)] | None = Field(
        default=None,
        description="The mail server: smtp://user:password@host:587 (STARTTLS when offered, and "
        "always before a password) or smtps://…",
    )
    smtp_seconds: float = Field(
        default=10, gt=0, description="Longest step of a talk with the mail server."
    )
    mail_folder: Path = Field(
        default=Path(".tandem/mail"),
        description="The folder for mails (.eml) without a mail server; with `--data`, below that.",
    )
    verify_token_seconds: int = Field(
        default=86_400, ge=1, description="Life of a mailed token that verifies an email address."
    )
    reset_token_seconds: int = Field(
        default=3_600, ge=1, description="Life of a mailed token that resets a password."
    )

    jobs_at_once: int = Field(default=10, ge=2, description="Jobs that a worker runs at one time.")
    job_poll_seconds: float = Field(
        default=1, gt=0, description="How often an idle worker polls for jobs."
    )
    job_seconds: float = Field(default=60, gt=0, description="Longest attempt of a job.")
    job_attempts: int = Field(
        default=10, ge=1, description="How often a job is tried before it is kept as FAILED."
    )
    job_retry_seconds: float = Field(
        default=5,
        gt=0,
        description="Wait after a job's first failed attempt; doubles with each further one.",
    )
    job_retry_max_seconds: float = Field(
        default=900, gt=0, description="Longest wait between two attempts."
    )
    job_lease_seconds: float = Field(
        default=30,
        gt=0,
        description="A job whose worker shows no life for so long goes to another one.",
    )
    job_drain_seconds: float = Field(
        default=20, gt=0, description="How long running jobs may go on when their worker stops."
    )
    worker_health_file: Path | None = Field(
        default=None,
        description="A file whose age tells a worker's health: the time since the worker last took"
        " a job, or found none due. Each worker needs its own.",
    )
    ended_days: int = Field(
        default=90,
        ge=1,
        description="How long ended sessions, spent refresh tokens and ended API keys are stored.",
    )
    job_days: int = Field(
        default=30, ge=1, description="How long failed jobs and the log of jobs are stored."
    )

    audit_unproved: int = Field(
        default=0,
        ge=0,
        description="How many entries at the start of the audit log may have no proof: those from"
        " before migration 0010, none in a new shop.",
    )
    audit_seal_seconds: float = Field(
        default=5, gt=0, description="How often a worker seals new entries of the audit log."
    )

    redis_prefix: str = Field(
        default="tandem",
        pattern="^[A-Za-z0-9_-]{1,60}$",
        description="Prefix of every key in Redis, so that installations can share one.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        description="Server processes; each has its share of every quota while Redis is away."
        " `tandem serve` sets it.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Your proxies (CIDR, comma-separated), whose X-Forwarded-For is trusted.",
    )

    page_size: int = Field(
        default=20, ge=1, le=100, description="The page size when a caller gives none."
    )
    graphql_tokens: int = Field(
        default=4_000, ge=1, description="Most tokens of a GraphQL document."
    )
    graphql_depth: int = Field(
        default=15, ge=1, description="Most levels of fields in a GraphQL document."
    )
    graphql_root_fields: int = Field(
        default=20, ge=1, description="Most root fields of a GraphQL operation."
    )
    graphql_aliases: int = Field(
        default=50,
        ge=0,
        description="Most aliases in a GraphQL operation; a fragment's count at every spread.",
    )
    graphql_directives: int = Field(
        default=50,
        ge=0,
        description="Most directives in a GraphQL operation, counted like aliases.",
    )
    graphql_cost: int = Field(
        default=1_000,
        ge=1,
        description="Most units of a GraphQL operation: its fields, and 1 for each 100 rows.",
    )
    cors_origins: Texts = Field(
        default=(), description="Origins (comma-separated) that browsers may call from."
    )
    hsts_seconds: int = Field(
        default=31_536_000, ge=0, description="The max-age of Strict-Transport-Security."
    )
    graphiql: bool | None = Field(
        default=None,
        description="Serve GraphiQL and introspection; by default in production GraphiQL alone.",
    )
    metrics: bool | None = Field(
        default=None,
        description="Serve /metrics for Prometheus to all who reach the port; by default not in"
        " production.",
    )

    @property
    def development(self) -> bool:
        """True outside production."""
        return self.environment is not Environment.PRODUCTION

    @property
    def secrets(self) -> tuple[str, str | None]:
        """The secret, and the previous one if there is one."""
        previous = self.previous_secret
        before = None if previous is None else previous.get_secret_value()
        return self.secret.get_secret_value(), before

    @property
    def every_secret(self) -> tuple[str, ...]:
        """All secrets, the newest first."""
        older = [secret.get_secret_value() for secret in self.older_secrets]
        return tuple(secret for secret in (*self.secrets, *older) if secret is not None)

    @property
    def frontend(self) -> str:
        """The URL that links in mails begin with, without a slash at the end."""
        return self.app_url or self.public_url

    @property
    def explorable(self) -> bool:
        """True when introspection and suggestions are on."""
        return self.development if self.graphiql is None else self.graphiql

    @property
    def measured(self) -> bool:
        """True when /metrics is served."""
        return self.development if self.metrics is None else self.metrics

    @property
    def budget_factor(self) -> int:
        """The factor of every quota."""
        return self.quota_factor or BUDGET_FACTORS[self.environment]

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Self:
        if self.pool_min > self.pool_max:
            raise ValueError("TANDEM_POOL_MIN must not be above TANDEM_POOL_MAX")
        if 0 < self.bcrypt_rounds < 4:
            raise ValueError("TANDEM_BCRYPT_ROUNDS must be 0, or 4 to 15")
        if self.hsts_preload and not (self.hsts_subdomains and self.hsts_seconds >= 31_536_000):
            raise ValueError("TANDEM_HSTS_PRELOAD needs subdomains, and a year or more")
        if self.development:
            return self
        rules = broken_rules(
            self.model_fields_set,
            secrets=self.every_secret,
            webhook_secret=self.provider_webhook_secret,
            smtp_url=self.smtp_url,
            cors_origins=self.cors_origins,
            debug=self.debug,
        )
        if rules:
            raise ValueError("In production " + ", ".join(rules))
        return self
