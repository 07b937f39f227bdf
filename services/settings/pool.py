"""Settings of the connections to PostgreSQL that a process opens when it needs more."""

from pydantic import Field

from services.settings.names import NamedSettings


class PoolSettings(NamedSettings):
    """How long the pool keeps what it does not use."""

    pool_idle_seconds: float = Field(
        default=30,
        ge=0,
        description="Idle database connections above TANDEM_POOL_MIN are closed after so long; 0"
        " never.",
    )
