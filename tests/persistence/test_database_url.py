"""Every way that libpq writes the address of PostgreSQL works for pool, migrations and probes."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from persistence import migrate, revision
from persistence.database.transactions import QueryStats
from persistence.database_url import connection_options, unencrypted
from persistence.reachability import place_of
from services.health import Health
from services.process import new_process
from services.settings import Settings
from tests.cli.test_create_admin import tandem
from tests.conftest import settings_for
from tests.gates import Gate


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
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
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
    assert await process.database.reader(QueryStats()).all(migrate_text())
    findings = await Health(process).find()
    assert findings.status == "ok"
    await process.close()
    assert (await revision.current(settings.database_url))[0] == revision.newest()
    engine = migrate.engine_for(settings.database_url)
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1
    await engine.dispose()
    await asyncio.to_thread(migrate.upgrade, settings.database_url, revision.newest())
    status, said = await tandem(settings, "doctor")
    assert status == 0, said
