"""The types of settings, and checks of their values."""

from base64 import b64decode
from email.policy import EmailPolicy
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import NoDecode

from persistence.database_url import connection_options
from services.money import currency


class Environment(StrEnum):
    """The kind of installation; production refuses unsafe settings."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


#: The factor of every quota: people who develop call again and again, and
#: a test is limited only where it wants to be.
BUDGET_FACTORS = {
    Environment.DEVELOPMENT: 100,
    Environment.TEST: 1_000_000,
    Environment.PRODUCTION: 1,
}


def one_address(text: str) -> str:
    """Check that a text is one mail address."""
    header = EmailPolicy().header_factory("From", text)
    if len(header.addresses) != 1 or header.defects:
        raise ValueError("must be one address, such as Tandem <tandem@example.com>")
    return text


def smtp(url: SecretStr) -> SecretStr:
    """Check that a URL names a mail server."""
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be smtp://… or smtps://… with a host")
    return url


def postgres_address(url: str) -> str:
    """Check that a URL is PostgreSQL's, and that the driver can do what it asks for."""
    try:
        connection_options(url)
    except ValueError as error:
        raise ValueError(f"is not right: {error}") from None
    return url


def redis_address(url: str) -> str:
    """Check that a URL is Redis's."""
    from redis.connection import parse_url  # which most commands need not load

    try:
        parse_url(url)
    except ValueError as error:
        text = str(error).replace("Redis URL must", "it must").rstrip(".")
        raise ValueError(f"is not right: {text}") from None
    return url


def known_time_zone(name: str) -> str:
    """Check that a name is a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Berlin") from None
    return name


def known_currency(code: str) -> str:
    """Check that a code is a currency's, and that amounts can have its decimals."""
    return currency(code).code


def webhook_secret(secret: SecretStr) -> SecretStr:
    """Check that a secret has the form of Standard Webhooks."""
    prefix, _, encoded = secret.get_secret_value().partition("_")
    try:
        length = len(b64decode(encoded, validate=True))
    except ValueError:
        length = 0
    if prefix != "whsec" or not 24 <= length <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64")
    return secret


def _split(value: object) -> object:
    """The parts of a text that commas separate."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Units = Annotated[int, Field(ge=1, le=1_000_000)]
Window = Annotated[int, Field(ge=1, le=2_592_000)]
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[
    tuple[Annotated[SecretStr, Field(min_length=32)], ...], NoDecode, BeforeValidator(_split)
]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_split)]
