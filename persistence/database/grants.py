"""The grants of the role that Tandem serves as, when that role does not own the tables.

An owner can disable the triggers of its tables. A role with these grants alone cannot: PostgreSQL
itself keeps it from changing append-only tables.
"""

from collections.abc import Mapping

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from persistence.database.rules import APPEND_ONLY
from persistence.migrate import engine_for


class Ungrantable(Exception):
    """The role cannot be limited to its grants; the message is one sentence for a person."""


_ABOVE = sa.text("""
    SELECT rolsuper OR rolbypassrls OR EXISTS (
        SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND pg_has_role(rolname, relowner, 'MEMBER'))
    FROM pg_roles WHERE rolname = :role
""")


async def grant(database_url: str, role: str, settings: Mapping[str, str]) -> None:
    """Grant a role what servers and workers need, and revoke the rest; may be repeated.

    ``settings`` are PostgreSQL's settings of Tandem's connections. The role gets them as well, so
    that they hold where a pool in front of PostgreSQL drops what a connection asks for.

    Raises `Ungrantable` when the role does not exist, and when grants do not limit it because it is
    a superuser or owns tables.
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
            limits = [f"ALTER ROLE {name} SET {key} = '{value}'" for key, value in settings.items()]
            for statement in (*_statements(name), *limits):
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
        f"GRANT UPDATE (status) ON payments TO {role}",
        f"REVOKE INSERT, DELETE ON audit_chain FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
    ]
