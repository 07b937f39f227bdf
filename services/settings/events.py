"""Settings of events; `Settings` contains them."""

from pydantic import Field

from services.settings.names import NamedSettings


class EventSettings(NamedSettings):
    """How long the log keeps events, and when stock is low."""

    event_days: int = Field(
        default=7, ge=1, description="How many days the log keeps events; whole days are dropped."
    )
    low_stock: int = Field(
        default=5,
        ge=0,
        description="Managers hear of a product whose stock falls to this number or below it.",
    )
    streams_per_caller: int = Field(
        default=10,
        ge=1,
        description="The most open event streams of a caller in a process. Each process counts its"
        " own.",
    )
    streams: int = Field(
        default=5_000, ge=1, description="The most open event streams of a process."
    )
