"""Every way that libpq writes the address of PostgreSQL works for pool, migrations and probes."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from persistence import migrate, revision
from persistence.clock import CLOCK
from persistence.database.transactions import QueryStats
from persistence.database_url import connection_options, unencrypted
from persistence.reachability import place_of
from services.health import Health
from services.process import new_database, new_process
from services.settings.settings import Settings
from tests import commands
from tests.cli.test_create_admin import tandem
from tests.gates import Gate
from tests.worker.work import eventually, free_port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tandem's tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """What a server with that certificate speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def works(settings: Settings) -> None:
    """Pool, migrations, probes and a command all reach the database and Redis."""
    process = new_process(settings)
    await process.open()
    assert await process.database.reader(QueryStats()).one(CLOCK)
    health = Health(process)

    async def sound() -> bool:
        return (await health.find()).status == "ok"

    await eventually(sound)
    await process.close()
    assert (await revision.current(settings.database_url))[0] == revision.newest()
    engine = migrate.engine_for(settings.database_url)
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1
    await engine.dispose()
    await asyncio.to_thread(migrate.upgrade, settings.database_url, revision.newest())
    status, said = await commands.tandem(settings, "doctor", TANDEM_CONNECT_SECONDS="30")
    assert status == 0, said


@pytest.mark.parametrize("fast", [True, False])
async def test_a_certificate_is_checked_by_pool_migrations_and_probes(
    settings: Settings, certificate: Path, tls: ssl.SSLContext, fast: bool
) -> None:
    options = f"?sslmode=verify-full&sslrootcert={certificate}&target_session_attrs=read-write"
    async with (
        Gate(settings.database_url, tls).standing() as database,
        Gate(settings.redis_url, tls).standing() as redis,
    ):
        given = {
            "database_url": database.database_url + options,
            "redis_url": f"rediss://127.0.0.1:{redis.port}/0?ssl_ca_certs={certificate}",
            "fast_paths": fast,
        }
        await works(settings.model_copy(update=given))
        assert database.plain == 0


async def test_a_certificate_of_somebody_else_is_refused(
    settings: Settings, tls: ssl.SSLContext
) -> None:
    async with Gate(settings.database_url, tls).standing() as gate:
        for options in ("sslrootcert=system", "sslmode=require"):
            url = f"{gate.database_url}?{options}"
            status, said = await tandem(
                settings.model_copy(update={"database_url": url}), "migrate"
            )
            if options == "sslmode=require":  # which checks no certificate
                assert status == 0, said
                continue
            assert status == 1
            assert said.startswith(f"tandem: PostgreSQL at 127.0.0.1:{gate.port}/")
            assert "its certificate is not trusted: self-signed certificate" in said


async def test_several_hosts_and_other_spellings_work(settings: Settings) -> None:
    name = urlsplit(settings.database_url).path.strip("/")
    async with Gate(settings.database_url).standing() as gate:
        port = gate.port
        for url in (
            f"postgresql://postgres@127.0.0.1:1,127.0.0.1:{port}/{name}"
            "?target_session_attrs=read-write&connect_timeout=30&sslmode=prefer",
            f"postgres://postgres@127.0.0.1:{port}/{name}?keepalives=1&gssencmode=disable"
            "&channel_binding=prefer&application_name=shop&options=-c%20work_mem%3D5MB",
            f"host=127.0.0.1 port={port} dbname='{name}' user=postgres password='it\\'s'",
            f"postgresql+asyncpg://postgres@127.0.0.1:{port}/{name}",
        ):
            await works(settings.model_copy(update={"database_url": url}))


async def test_a_standby_alone_is_not_one_to_write_to(settings: Settings) -> None:
    separator = "&" if urlsplit(settings.database_url).query else "?"
    url = f"{settings.database_url}{separator}target_session_attrs=standby"
    status, said = await tandem(settings.model_copy(update={"database_url": url}), "migrate")
    assert status == 1
    assert "cannot be used" in said


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("mysql://db/shop", "it must begin with postgresql://"),
        ("host=db =", "name=value"),
        ("postgresql://db/shop?sslmode=always", "sslmode=always is none of libpq's modes"),
        ("postgresql://db/shop?channel_binding=require", "give sslmode=verify-full"),
        ("postgresql://db/shop?require_auth=scram-sha-256", "is not supported"),
        ("postgresql://db/shop?sslrootcert=system&sslmode=require", "needs sslmode=verify-full"),
    ],
)
def test_what_the_driver_cannot_hold_to_is_refused(url: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        connection_options(url)


@pytest.mark.parametrize(
    ("url", "may_be_read"),
    [
        ("postgresql://db.example/shop", True),
        ("postgresql://db.example/shop?sslmode=prefer", True),
        ("host=db.example sslmode=disable", True),
        ("postgresql://127.0.0.1,10.0.0.7:5433/shop", True),
        ("postgresql://[2001:db8::1]:5432/shop", True),
        ("postgresql://db.example/shop?sslmode=require", False),
        ("postgresql://db.example/shop?sslrootcert=system", False),
        ("postgresql://localhost:5432/shop", False),
        ("postgresql://[::1]/shop", False),
        ("postgresql:///shop?host=/run/postgresql", False),
        ("postgresql://%2Frun%2Fpostgresql/shop", False),
    ],
)
def test_it_is_known_whether_a_network_may_read_along(url: str, may_be_read: bool) -> None:
    assert unencrypted(url) is may_be_read


def test_a_place_never_shows_the_password() -> None:
    for url in (
        "postgresql://ada:secret@db.example:5433/shop?sslmode=require",
        "host=db.example:5433 dbname=shop password=secret",
    ):
        assert place_of(url) == "db.example:5433/shop"


async def test_production_warns_of_connections_without_encryption(settings: Settings) -> None:
    production = {
        "TANDEM_ENVIRONMENT": "production",
        "TANDEM_SECRET": "s" * 32,
        "TANDEM_PUBLIC_URL": "https://api.shop.example",
        "TANDEM_PROVIDER": "sandbox",
        "TANDEM_PROVIDER_WEBHOOK_SECRET": "whsec_" + "c2VjcmV0" * 4,
        "TANDEM_MAIL_FOLDER": "/nowhere",
        "TANDEM_SELLER_NAME": "Shop",
        "TANDEM_SELLER_ADDRESS": "London",
        "DATABASE_URL": "postgresql://ada:secret@192.0.2.1:1/shop?sslmode=disable",
        "REDIS_URL": "redis://192.0.2.1:1/0",
        "TANDEM_CONNECT_SECONDS": "1",
    }
    for command in (("serve", "--port", str(free_port())), ("doctor",)):
        _, text = await commands.tandem(settings, *command, **production)
        said = " ".join(text.split())
        assert "PostgreSQL at 192.0.2.1:1/shop may go over the network" in said
        assert "Redis at 192.0.2.1:1/0 may go over the network" in said
        assert "secret" not in said
    _, said = await commands.tandem(
        settings, "doctor", **{**production, "TANDEM_ENVIRONMENT": "test"}
    )
    assert "may go over the network" not in said


async def test_connections_above_the_least_close_when_they_are_idle(
    settings: Settings, fresh_database: str
) -> None:
    async def connections() -> int:
        found = await watching.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'tandem'"
        )
        return int(found)

    async def only_the_least() -> bool:
        return await connections() == 1

    given = {"database_url": fresh_database, "pool_min": 1, "pool_max": 4, "pool_idle_seconds": 0.5}
    watching = await asyncpg.connect(fresh_database, timeout=60)
    database = new_database(settings.model_copy(update=given))
    try:
        async with database.connection(), database.connection(), database.connection():
            assert await connections() == 3
        await eventually(only_the_least)
    finally:
        await database.close()
        await watching.close()
