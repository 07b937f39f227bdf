"""Settings of the quota; `Settings` contains them."""

from pydantic import Field

from services.settings.names import NamedSettings
from services.settings.types import Networks, Units, Window


class QuotaSettings(NamedSettings):
    """The budgets of callers and addresses, and who has none."""

    quota_anonymous: Units = Field(
        default=100, description="Units that an address may spend without a token."
    )
    quota_anonymous_seconds: Window = Field(
        default=900, description="Seconds in which that budget refills."
    )
    quota_signed_in: Units = Field(
        default=1000, description="Units that a caller with a token may spend."
    )
    quota_signed_in_seconds: Window = Field(
        default=900, description="Seconds in which that budget refills."
    )
    quota_login: Units = Field(
        default=10, description="Wrong passwords for one account from one address."
    )
    quota_login_place: Units = Field(
        default=100, description="Wrong passwords from an address, for all accounts together."
    )
    quota_login_account: Units = Field(
        default=100,
        description="Wrong passwords for an account, from all addresses where it has not signed in"
        " lately.",
    )
    quota_login_seconds: Window = Field(
        default=900, description="Seconds in which each of these three budgets refills."
    )
    known_place_days: int = Field(
        default=90, ge=1, description="How long an account knows an address where it signed in."
    )
    quota_register: Units = Field(default=10, description="Accounts registered from an address.")
    quota_register_seconds: Window = Field(
        default=3600, description="Seconds in which that budget refills."
    )
    quota_mail: Units = Field(
        default=5,
        description="Mails (reset, verification) asked for from an address, and for an account.",
    )
    quota_mail_seconds: Window = Field(
        default=3600, description="Seconds in which that budget refills."
    )
    quota_pages: Units = Field(
        default=600, description="Pages, documents, metrics and unsigned events for an address."
    )
    quota_pages_seconds: Window = Field(
        default=60, description="Seconds in which that budget refills."
    )
    quota_factor: Units | None = Field(
        default=None,
        description="Multiplies every quota; by default 100 in development, a million in tests,"
        " 1 in production.",
    )
    quota_exempt: Networks = Field(
        default=(), description="Addresses (CIDR, comma-separated) whose calls have no quota."
    )
