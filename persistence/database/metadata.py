"""Every table in one place; the check compares the migrations with it."""
# ruff: noqa: F401 - importing a module adds its tables to the metadata

import sqlalchemy as sa
from sqlmodel import SQLModel

import persistence.api_keys
import persistence.audit.chain
import persistence.audit.entries
import persistence.categories
import persistence.comments.tables
import persistence.coupons.tables
import persistence.deposits
import persistence.events.tables
import persistence.idempotency
import persistence.invoices.tables
import persistence.jobs.schedules
import persistence.jobs.tables
import persistence.mail_tokens
import persistence.orders.tables
import persistence.payments
import persistence.posts.tables
import persistence.products.tables
import persistence.projects
import persistence.provider_events
import persistence.refunds
import persistence.sessions.tables
import persistence.shop
import persistence.signing_keys
import persistence.uploads.tables
import persistence.users.tables
import persistence.wallet
from persistence.database.rules import (
    CHAIN_BEGINS,
    DEFAULT_PARTITION,
    FUNCTIONS,
    LOG_BEGINS,
    SYSTEM_ACCOUNTS,
    TRIGGERS,
)

METADATA = SQLModel.metadata


def create_all(connection: sa.Connection) -> None:
    """Create every table and rule in an empty database, without migrations."""
    for statement in FUNCTIONS:
        connection.exec_driver_sql(statement)
    METADATA.create_all(connection)
    for statement in (
        *TRIGGERS,
        SYSTEM_ACCOUNTS,
        CHAIN_BEGINS,
        DEFAULT_PARTITION,
        LOG_BEGINS,
    ):
        connection.exec_driver_sql(statement)
