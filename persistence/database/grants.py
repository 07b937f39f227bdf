"""What the role that Tandem serves as may do, where it is not the owner of the tables.

An owner can switch the triggers of its tables off, whatever they refuse. A role that was only
granted what is said here cannot: PostgreSQL itself keeps it from changing what is append-only.
"""

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from persistence.database.migrate import engine_for
from persistence.database.rules import APPEND_ONLY


class Ungrantable(Exception):
    """The role cannot be kept to its grants; the message is one sentence for a person."""


_ABOVE = sa.text("""
    SELECT rolsuper OR rolbypassrls OR EXISTS (
        SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND pg_has_role(rolname, relowner, 'MEMBER'))
    FROM pg_roles WHERE rolname = :role
""")


async def grant(database_url: str, role: str) -> None:
    """Grant a role what serving and working needs, and take the rest away; again if need be.

    The role must exist. Raises `Ungrantable` when it does not, or is above grants: a superuser, or
    an owner of the tables.
    """
    engine = engine_for(database_url)
    try:
        async with engine.begin() as connection:
            above = (await connection.execute(_ABOVE, {"role": role})).scalar()
            if above is None:
                raise Ungrantable(f"There is no role {role}: CREATE ROLE {role} LOGIN …")
            if above:
                raise Ungrantable(f"The role {role} is a superuser or owns tables: take another.")
            name = engine.dialect.identifier_preparer.quote(role)
            for statement in _statements(name):
                await connection.exec_driver_sql(statement)
    except (OSError, asyncpg.PostgresError, DBAPIError) as error:
        raise Ungrantable(f"Nothing was granted to {role} ({type(error).__name__}).") from None
    finally:
        await engine.dispose()


def _statements(role: str) -> list[str]:
    forever = ", ".join(APPEND_ONLY)
    return [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE ON {forever} FROM {role}",
        f"REVOKE INSERT, DELETE ON audit_chain FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
    ]
