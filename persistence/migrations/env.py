"""Alembic's entry: every revision runs on the connection `persistence.migrate` opened."""

from alembic import context

from persistence.database.metadata import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
