"""Words and sort keys beside texts

Rows are filled by a job, never here: see ``services/search/``. A statement that waits for no lock
adds a column, and indexes are built beside reads and writes. They cannot be built in a transaction,
so each step may be repeated after a migration that ended in the middle.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMNS = {
    "products": {"words": "tsvector", "name_key": 'text COLLATE "C"'},
    "categories": {"name_key": 'text COLLATE "C"'},
    "users": {"full_name_key": 'text COLLATE "C"'},
}
TEXTS = {
    "products": ("name, description, tags", "words, name_key"),
    "categories": ("name", "name_key"),
    "users": ("full_name", "full_name_key"),
}
_NAME_ORDER = '(COALESCE(CASE WHEN text_version > 0 THEN {0}_key END, lower({0} COLLATE "C")))'
INDEXES = {
    "products_words_idx": "products USING gin (words)",
    "products_text_version_idx": "products (text_version)",
    "products_name_order_id_idx": f"products ({_NAME_ORDER.format('name')}, id)",
    "categories_text_version_idx": "categories (text_version)",
    "categories_name_order_id_idx": f"categories ({_NAME_ORDER.format('name')}, id)",
    "users_text_version_idx": "users (text_version)",
    "users_full_name_order_id_idx": f"users ({_NAME_ORDER.format('full_name')}, id)",
    "coupons_code_id_idx": 'coupons ((lower(code) COLLATE "C"), id)',
}
TOUCH = """
    CREATE OR REPLACE FUNCTION tandem_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.updated_at := now();
        RETURN NEW;
    END $$
    """
TOUCH_UNLESS_REINDEXING = """
    CREATE OR REPLACE FUNCTION tandem_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('tandem.reindexing', true) IS DISTINCT FROM 'yes' THEN
            NEW.updated_at := now();
        END IF;
        RETURN NEW;
    END $$
    """
FUNCTIONS = {
    "tandem_changed_text": """
    CREATE OR REPLACE FUNCTION tandem_changed_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.text_version := -abs(NEW.text_version);
        RETURN NEW;
    END $$
    """,
    "tandem_made_text": """
    CREATE OR REPLACE FUNCTION tandem_made_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.text_version := abs(NEW.text_version);
        RETURN NEW;
    END $$
    """,
}


def upgrade() -> None:
    op.execute(TOUCH_UNLESS_REINDEXING)
    for function in FUNCTIONS.values():
        op.execute(function)
    for table, columns in COLUMNS.items():
        added = {**columns, "text_version": "smallint NOT NULL DEFAULT 0"}
        each = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in added.items())
        op.execute(f"ALTER TABLE {table} {each}")
    for table, (texts, made) in TEXTS.items():
        for name, columns in (("changed_text", texts), ("made_text", made)):
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}")
            op.execute(
                f"CREATE TRIGGER {table}_{name} BEFORE UPDATE OF {columns} ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION tandem_{name}()"
            )
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            # One that a migration left half built answers nothing.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {columns}")


def downgrade() -> None:
    for table in TEXTS:
        for name in ("changed_text", "made_text"):
            op.execute(f"DROP TRIGGER {table}_{name} ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.execute(TOUCH)
    op.execute("DROP INDEX coupons_code_id_idx")
    for table, columns in COLUMNS.items():
        for name in [*columns, "text_version"]:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
