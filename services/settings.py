"""Settings: the only module that reads the environment.

Every variable begins with ``TANDEM_``, except ``DATABASE_URL`` and ``REDIS_URL``. The README's
table of settings is made from this class.
"""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.settings_production import (
    DEVELOPMENT_SECRET,
    DEVELOPMENT_WEBHOOK_SECRET,
    broken_rules,
)
from services.settings_types import (
    Networks,
    Secrets,
    Texts,
    Units,
    Window,
    known_time_zone,
    one_address,
    smtp,
    webhook_secret,
)


class Environment(StrEnum):
    """Where the process runs; production refuses unsafe settings."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


#: Development tries things out, again and again; tests are limited only where they mean to be.
_BUDGET_FACTORS = {
    Environment.DEVELOPMENT: 100,
    Environment.TEST: 1_000_000,
    Environment.PRODUCTION: 1,
}


class Settings(BaseSettings):
    """All settings with their defaults; sizes in bytes, times in seconds, money in the currency."""

    model_config = SettingsConfigDict(
        env_prefix="TANDEM_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Environment = Field(
        default=Environment.DEVELOPMENT, description="Where this runs."
    )
    database_url: str = Field(
        default="postgresql://localhost/tandem",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL, as a postgresql:// URL. Unset, `./scripts/serve` brings its own.",
    )
    redis_url: str = Field(
        default="redis://localhost:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
        description="Redis or Valkey, as a redis:// URL. Unset, `./scripts/serve` brings its own.",
    )
    public_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] = Field(
        default="http://localhost:8000",
        description="Where callers reach this API; begins every docUrl.",
    )

    secret: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_SECRET),
        min_length=32,
        description="Seals signing keys and cursors; at least 32 characters, on every process.",
    )
    previous_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="The secret before the last change: what it sealed still opens.",
    )
    older_secrets: Secrets = Field(
        default=(),
        description="Secrets before that one, comma-separated: they verify older seals of the"
        " audit log, and nothing else.",
    )
    issuer: str = Field(default="tandem", description="The iss claim of access tokens.")
    audience: str = Field(default="tandem-api", description="The aud claim of access tokens.")
    access_token_seconds: int = Field(default=900, ge=1, description="Life of an access token.")
    jwks_seconds: int = Field(
        default=300,
        ge=1,
        description="How long others may keep the JWKS; a new key signs when that time is over.",
    )
    fast_paths: bool = Field(
        default=True,
        description="Answer by the faster of two ways where there are two; off, everything goes "
        "the readable way that the faster one is held to.",
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
        description="How long a spent refresh token counts as the client's own race.",
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
        description="Rounds of the bcrypt hashes taken over from another system, 0 without any:"
        " each sign-in does their work, so that its time tells nothing.",
    )

    currency: str = Field(
        default="EUR", pattern="^[A-Z]{3}$", description="The shop's currency for good, ISO 4217."
    )
    tax_rate: Decimal = Field(
        default=Decimal("0.19"), ge=0, lt=1, description="The tax rate that prices include."
    )
    time_zone: Annotated[str, AfterValidator(known_time_zone)] = Field(
        default="UTC", description="Where the shop's days and years begin, such as Europe/Berlin."
    )
    seller_name: str = Field(
        default="Tandem demo shop", min_length=1, description="Who sells, on invoices."
    )
    seller_address: Texts = Field(
        default=("1 Example Street", "10115 Berlin"),
        description="The seller's address on invoices, lines separated by commas.",
    )
    seller_tax_number: str | None = Field(
        default=None, description="The seller's tax number on invoices."
    )
    seller_email: str | None = Field(
        default=None, description="Where buyers ask about their invoices."
    )
    invoice_link_seconds: int = Field(
        default=600, ge=1, description="Life of a signed address of an invoice's PDF."
    )
    hold_seconds: int = Field(
        default=900, ge=1, description="How long an order that is not paid holds its stock."
    )
    approval_above: Decimal = Field(
        default=Decimal("10000.00"),
        ge=0,
        description="An order whose total is above this waits for a manager's approval.",
    )
    approval_seconds: int = Field(
        default=86_400, ge=1, description="How long an order waits for approval."
    )
    expiry_seconds: float = Field(
        default=5.0, gt=0, description="How often a worker looks for orders that waited too long."
    )

    provider: Literal["sandbox"] = Field(
        default="sandbox",
        description="Who takes the money of deposits. The sandbox takes none and gives it all the"
        " same: production has to name it on purpose.",
    )
    provider_webhook_secret: Annotated[SecretStr, AfterValidator(webhook_secret)] = Field(
        default=SecretStr(DEVELOPMENT_WEBHOOK_SECRET),
        description="Signs the provider's events (Standard Webhooks): whsec_ and 24 to 64 bytes in"
        " base64.",
    )
    provider_seconds: float = Field(
        default=10, gt=0, description="Longest wait for an answer of the provider's."
    )

    pool_min: int = Field(
        default=5, ge=1, description="Database connections kept open by a process."
    )
    pool_max: int = Field(
        default=20, ge=2, description="Database connections of a process at the most."
    )
    pool_wait_seconds: float = Field(default=5, gt=0, description="Wait for a database connection.")
    connect_seconds: float = Field(default=5, gt=0, description="Wait for a connection to be made.")
    statement_seconds: float = Field(default=30, gt=0, description="Longest a statement may run.")
    lock_seconds: float = Field(
        default=5, gt=0, description="Longest a statement waits for a lock."
    )
    idle_transaction_seconds: float = Field(
        default=30, gt=0, description="Longest a transaction may stand idle."
    )
    key_wait_seconds: float = Field(
        default=2, gt=0, description="Longest a retry waits for the first call with its key."
    )
    key_hours: int = Field(default=24, ge=1, description="How long idempotency keys are kept.")
    redis_seconds: float = Field(default=0.5, gt=0, description="Longest a Redis call may take.")
    cache_seconds: float = Field(
        default=60, ge=0, description="Longest an answer is kept in the cache; 0 keeps none."
    )
    request_seconds: float = Field(default=60, gt=0, description="Longest a request may take.")
    body_bytes: int = Field(default=1_048_576, ge=1, description="Largest request body.")
    body_seconds: float = Field(
        default=20, gt=0, description="Longest a request body may take to arrive."
    )
    keep_alive_seconds: int = Field(
        default=75, ge=1, description="Longest an idle connection is kept; above balancers' 60."
    )
    slow_request_seconds: float = Field(
        default=1, gt=0, description="Requests slower than this are warned."
    )
    slow_statement_seconds: float = Field(
        default=0.2, gt=0, description="Statements slower than this are warned."
    )

    app_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))] | None = Field(
        default=None,
        description="Where the frontend lives, for links in mails; by default TANDEM_PUBLIC_URL.",
    )
    mail_from: Annotated[str, AfterValidator(one_address)] = Field(
        default="Tandem <tandem@localhost>", description="Who mails come from."
    )
    smtp_url: Annotated[SecretStr, AfterValidator(smtp)] | None = Field(
        default=None,
        description="Mail server: smtp://user:password@host:587 (STARTTLS when offered, and always "
        "before a password) or smtps://…",
    )
    smtp_seconds: float = Field(
        default=10, gt=0, description="Longest one step of talking to the mail server may take."
    )
    mail_folder: Path = Field(
        default=Path(".tandem/mail"),
        description="Without a mail server, mails are written here as .eml files; with `--data`, "
        "below that folder.",
    )
    verify_token_seconds: int = Field(
        default=86_400, ge=1, description="Life of a mailed token that verifies an address."
    )
    reset_token_seconds: int = Field(
        default=3_600, ge=1, description="Life of a mailed token that resets a password."
    )

    jobs_at_once: int = Field(default=10, ge=2, description="Jobs that a worker runs at one time.")
    job_poll_seconds: float = Field(
        default=1, gt=0, description="How often an idle worker looks for jobs."
    )
    job_seconds: float = Field(default=60, gt=0, description="Longest one attempt may take.")
    job_attempts: int = Field(
        default=10, ge=1, description="How often a job is tried before it is dead."
    )
    job_retry_seconds: float = Field(
        default=5, gt=0, description="Wait after a first failed attempt; doubles with each further."
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
    ended_days: int = Field(
        default=90,
        ge=1,
        description="How long ended sessions, spent refresh tokens and ended API keys are kept.",
    )
    job_days: int = Field(
        default=30, ge=1, description="How long dead jobs and the log of jobs are kept."
    )

    audit_unproved: int = Field(
        default=0,
        ge=0,
        description="How many entries at the beginning of the audit log may be older than proofs:"
        " those of before migration 0010, none in a new shop.",
    )
    audit_seal_seconds: float = Field(
        default=5, gt=0, description="How often a worker seals new entries of the audit log."
    )

    redis_prefix: str = Field(
        default="tandem",
        pattern="^[A-Za-z0-9_-]{1,60}$",
        description="Begins every key in Redis; tells installations apart that share one.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        description="Server processes of the installation: each limits its share while Redis is"
        " away. `tandem serve` says how many it starts.",
    )
    quota_anonymous: Units = Field(
        default=100, description="Units that an address may spend without a token."
    )
    quota_anonymous_seconds: Window = Field(
        default=900, description="Seconds in which that budget comes back."
    )
    quota_signed_in: Units = Field(
        default=1000, description="Units that a caller with a token may spend."
    )
    quota_signed_in_seconds: Window = Field(
        default=900, description="Seconds in which that budget comes back."
    )
    quota_login: Units = Field(
        default=10, description="Logins tried from an address, and at an account."
    )
    quota_login_seconds: Window = Field(
        default=900, description="Seconds in which that budget comes back."
    )
    quota_register: Units = Field(default=10, description="Accounts registered from an address.")
    quota_register_seconds: Window = Field(
        default=3600, description="Seconds in which that budget comes back."
    )
    quota_mail: Units = Field(
        default=5,
        description="Mails (password reset, verification) asked for from an address, and for an"
        " account.",
    )
    quota_mail_seconds: Window = Field(
        default=3600, description="Seconds in which that budget comes back."
    )
    quota_factor: Units | None = Field(
        default=None,
        description="Multiplies every quota; by default 100 in development, a million in tests,"
        " 1 in production.",
    )
    quota_exempt: Networks = Field(
        default=(),
        description="Addresses (CIDR, comma-separated) whose calls are neither counted nor"
        " limited.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Proxies of yours (CIDR, comma-separated), whose X-Forwarded-For is believed.",
    )

    page_size: int = Field(
        default=20, ge=1, le=100, description="Page size when none is asked for."
    )
    graphql_tokens: int = Field(default=4_000, ge=1, description="Tokens of a GraphQL document.")
    graphql_depth: int = Field(
        default=15, ge=1, description="Levels of fields in a GraphQL document."
    )
    graphql_root_fields: int = Field(
        default=20, ge=1, description="Root fields of a GraphQL operation."
    )
    graphql_aliases: int = Field(
        default=50,
        ge=0,
        description="Aliases in a GraphQL operation, those of fragments wherever they are spread.",
    )
    graphql_directives: int = Field(
        default=50,
        ge=0,
        description="Directives in a GraphQL operation, counted like aliases.",
    )
    graphql_cost: int = Field(
        default=1_000,
        ge=1,
        description="Units a GraphQL operation may cost: its fields', and one for each 100 rows.",
    )
    cors_origins: Texts = Field(
        default=(), description="Origins that browsers may call from, comma-separated."
    )
    hsts_seconds: int = Field(
        default=31_536_000, ge=0, description="Strict-Transport-Security max-age."
    )
    graphiql: bool | None = Field(
        default=None, description="Serve GraphiQL and introspection; by default not in production."
    )
    metrics: bool | None = Field(
        default=None,
        description="Serve /metrics for Prometheus, to whoever reaches the port; by default not in"
        " production.",
    )
    debug: bool = Field(default=False, description="Log at debug level; refused in production.")

    @property
    def development(self) -> bool:
        """True outside production."""
        return self.environment is not Environment.PRODUCTION

    @property
    def secrets(self) -> tuple[str, str | None]:
        """The secret, and the one before it while that still opens what it sealed."""
        previous = self.previous_secret
        before = None if previous is None else previous.get_secret_value()
        return self.secret.get_secret_value(), before

    @property
    def every_secret(self) -> tuple[str, ...]:
        """Every secret there was, the newest first."""
        older = [secret.get_secret_value() for secret in self.older_secrets]
        return tuple(secret for secret in (*self.secrets, *older) if secret is not None)

    @property
    def frontend(self) -> str:
        """Where links in mails lead, without a slash at the end."""
        return self.app_url or self.public_url

    @property
    def explorable(self) -> bool:
        """True when GraphiQL, introspection and suggestions are on."""
        return self.development if self.graphiql is None else self.graphiql

    @property
    def measured(self) -> bool:
        """True when /metrics is served."""
        return self.development if self.metrics is None else self.metrics

    @property
    def budget_factor(self) -> int:
        """What every quota is multiplied by."""
        return self.quota_factor or _BUDGET_FACTORS[self.environment]

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Self:
        if self.pool_min > self.pool_max:
            raise ValueError("TANDEM_POOL_MIN must not be above TANDEM_POOL_MAX")
        if 0 < self.bcrypt_rounds < 4:
            raise ValueError("TANDEM_BCRYPT_ROUNDS must be 0, or 4 to 15")
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
