"""The address of PostgreSQL: every way that libpq's programs write it, for the one driver.

Pool, migrations and probes all connect with `connection_options`. The driver reads most of libpq's
options from a URL itself. This module adds libpq's other form, ``host=db dbname=tandem``, and the
options that the driver would send to the server as settings, which the server refuses.
"""

import re
import ssl
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_PAIR = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?:\s+|$)", re.DOTALL)
_SCHEMES = ("postgresql", "postgres")
#: How the session is tuned; the driver does without.
_IGNORED = {"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"}
_IGNORED |= {"connect_timeout", "fallback_application_name", "gssdelegation", "sslcompression"}
_IGNORED |= {"sslsni", "tcp_user_timeout"}
#: Values that ask for nothing else than what the driver does.
_HARMLESS = {
    "channel_binding": {"disable", "prefer"},
    "client_encoding": {"auto", "utf8", "utf-8"},
    "gssencmode": {"disable", "prefer"},
    "load_balance_hosts": {"disable"},
    "sslcertmode": {"allow"},
}
#: Options that the driver has not. To leave one out in silence would weaken what was asked for.
_REFUSED = {
    "channel_binding": "leave it out, and give sslmode=verify-full",
    "client_encoding": "leave it out: Tandem speaks UTF-8",
    "gssencmode": "give sslmode=verify-full instead",
    "hostaddr": "put the address in the place of the host",
    "load_balance_hosts": "leave it out: hosts are tried in their order",
    "require_auth": "leave it out, and give sslmode=verify-full",
    "requirepeer": "leave it out",
    "requiressl": "give sslmode=require instead",
    "sslcertmode": "leave it out",
    "sslcrldir": "give sslcrl, one file",
}
#: Modes of sslmode that may end in a connection without encryption.
_WEAK = {"", "disable", "allow", "prefer"}


def connection_options(url: str) -> dict[str, Any]:
    """Arguments for `asyncpg.connect` and `asyncpg.create_pool`.

    Raises `ValueError`, in words for an operator, for what is no address of PostgreSQL and for
    options that the driver cannot hold to.
    """
    base, pairs = _parts(url)
    kept = {}
    for name, value in pairs.items():
        if name in _IGNORED or value.lower() in _HARMLESS.get(name, ()):
            continue
        if name in _REFUSED:
            raise ValueError(f"{name}={value} is not supported: {_REFUSED[name]}")
        kept[name] = value
    mode = kept.get("sslmode", "")
    if mode and mode not in {*_WEAK, "require", "verify-ca", "verify-full"}:
        raise ValueError(f"sslmode={mode} is none of libpq's modes")
    options: dict[str, Any] = {}
    if kept.get("sslrootcert") == "system":
        if kept.pop("sslmode", "verify-full") != "verify-full":
            raise ValueError("sslrootcert=system needs sslmode=verify-full")
        options["ssl"] = _system_context(kept)
    options["dsn"] = f"{base}?{urlencode(kept)}" if kept else base
    return options


def unencrypted(url: str) -> bool:
    """May the connection cross a network without encryption?"""
    base, pairs = _parts(url)
    netloc = urlsplit(base).netloc.rpartition("@")[2] or pairs.get("host", "")
    secured = pairs.get("sslrootcert") == "system" or pairs.get("sslmode", "") not in _WEAK
    return not secured and any(map(remote, netloc.split(",")))


def remote(host: str) -> bool:
    """Does a host, which may have a port behind it, stand elsewhere than on this machine?"""
    if host.startswith("["):
        name = host[1:].partition("]")[0]
    else:
        name = host if host.count(":") > 1 else host.partition(":")[0]
    name = unquote(name)
    if name in ("", "localhost") or name.startswith(("/", "@")):
        return False
    try:
        return not ip_address(name).is_loopback
    except ValueError:
        return True


def as_url(text: str) -> str:
    """The address as a URL; raises `ValueError` for a wrong one in libpq's other form."""
    if "://" in text or "=" not in text:
        return text
    return f"postgresql://?{urlencode(_pairs(text))}"


def _parts(url: str) -> tuple[str, dict[str, str]]:
    """The URL without its options, and the options."""
    parts = urlsplit(as_url(url))
    scheme = parts.scheme.removesuffix("+asyncpg")
    if scheme not in _SCHEMES:
        raise ValueError("it must begin with postgresql://")
    pairs = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = "" if parts.path == "/" else parts.path
    return f"{scheme}://{parts.netloc}{path}", {
        name: value for name, value in pairs.items() if value
    }


def _pairs(text: str) -> dict[str, str]:
    """The options of libpq's other form."""
    pairs, at = {}, 0
    text = text.strip()
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            raise ValueError("it must be postgresql://… or libpq's name=value")
        name, value = found.groups()
        if value.startswith("'"):
            value = value[1:-1]
        pairs[name] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        at = found.end()
    return {name: value for name, value in pairs.items() if value}


def _system_context(kept: dict[str, str]) -> ssl.SSLContext:
    """A context that trusts what this machine trusts; takes its options out of ``kept``."""
    del kept["sslrootcert"]
    context = ssl.create_default_context()
    certificate, key = kept.pop("sslcert", None), kept.pop("sslkey", None)
    password = kept.pop("sslpassword", "")
    if certificate:
        context.load_cert_chain(certificate, key, lambda: password)
    return context
