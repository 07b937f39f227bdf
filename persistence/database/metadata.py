"""Every table in one place: what migrations are compared with."""

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence import (  # noqa: F401 - importing a module adds its tables to the metadata
    api_keys,
    categories,
    coupons,
    deposits,
    invoices,
    mail_tokens,
    payments,
    products,
    provider_events,
    refunds,
    sessions,
    signing_keys,
    users,
    wallet,
)
from persistence.database.rules import CHAIN_BEGINS, FUNCTIONS, SYSTEM_ACCOUNTS, TRIGGERS

METADATA = SQLModel.metadata


def create_all(connection: sa.Connection) -> None:
    """Make every table and rule in an empty database, without migrations."""
    for statement in FUNCTIONS[:1]:
        connection.exec_driver_sql(statement)
    METADATA.create_all(connection)
    for statement in (*FUNCTIONS[1:], *TRIGGERS, SYSTEM_ACCOUNTS, CHAIN_BEGINS):
        connection.exec_driver_sql(statement)
