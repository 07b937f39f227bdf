"""The rules for production, which refuses to start with well-known secrets or unsafe settings.

It only warns of connections without encryption: a private network may be safe.
"""

from collections.abc import Collection, Set
from urllib.parse import urlsplit

from pydantic import SecretStr

from persistence.database_url import remote, unencrypted
from persistence.reachability import place_of

DEVELOPMENT_SECRET = "development-secret-never-use-this-in-production"  # noqa: S105
DEVELOPMENT_WEBHOOK_SECRET = "whsec_ZGV2ZWxvcG1lbnQtc2VjcmV0LW5ldmVyLXVzZS10aGlzLQ=="  # noqa: S105


def open_connections(database_url: str, redis_url: str) -> list[str]:
    """Warnings to an operator about connections that a network may read."""
    advice = "may go over the network without encryption:"
    found = []
    if unencrypted(database_url):
        found.append(
            f"The connection to PostgreSQL at {place_of(database_url)} {advice}"
            " give DATABASE_URL sslmode=verify-full (docs/tls.md)."
        )
    parts = urlsplit(redis_url)
    if parts.scheme == "redis" and remote(parts.netloc.rpartition("@")[2]):
        found.append(
            f"The connection to Redis at {place_of(redis_url)} {advice}"
            " use rediss:// in REDIS_URL (docs/tls.md)."
        )
    return found


def broken_rules(
    given: Set[str],
    *,
    secrets: Collection[str],
    webhook_secret: SecretStr,
    smtp_url: SecretStr | None,
    cors_origins: Collection[str],
    debug: bool,
) -> list[str]:
    """The rules that some settings break, in words for the operator.

    ``given`` has the names of the settings that somebody gave a value.
    """
    wrong = {
        "TANDEM_SECRET, and those before it, must be your own": (DEVELOPMENT_SECRET in secrets),
        # Links to files, pages and errors begin with it.
        "TANDEM_PUBLIC_URL must say where callers reach this API": ("public_url" not in given),
        "TANDEM_PROVIDER must say who takes the money": ("provider" not in given),
        "TANDEM_PROVIDER_WEBHOOK_SECRET must be one of your own": (
            webhook_secret.get_secret_value() == DEVELOPMENT_WEBHOOK_SECRET
        ),
        "TANDEM_CORS_ORIGINS must name its origins": "*" in cors_origins,
        "TANDEM_DEBUG must be off": debug,
        # Mails in a folder are fine when the operator asks for that; nobody reads them otherwise.
        "TANDEM_SMTP_URL must name a mail server (or TANDEM_MAIL_FOLDER a folder)": (
            smtp_url is None and "mail_folder" not in given
        ),
        "TANDEM_MAIL_FROM must be an address of yours": (
            smtp_url is not None and "mail_from" not in given
        ),
        # Invoices cannot be changed afterwards.
        "TANDEM_SELLER_NAME and TANDEM_SELLER_ADDRESS must say who sells": (
            not {"seller_name", "seller_address"} <= given
        ),
    }
    return [rule for rule in wrong if wrong[rule]]
