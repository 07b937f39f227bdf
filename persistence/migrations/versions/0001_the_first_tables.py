"""The first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FUNCTIONS = (
    """
    CREATE FUNCTION tandem_words(words text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN array_to_string(words, ' ')
    """,
    """
    CREATE FUNCTION tandem_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.updated_at := now();
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION tandem_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE FUNCTION tandem_post() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE accounts SET balance = balance + NEW.amount
        WHERE id = NEW.account_id AND kind = 'WALLET'
        RETURNING balance INTO NEW.balance_after;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION tandem_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT sum(amount) FROM postings WHERE transfer_id = NEW.transfer_id) <> 0 THEN
            RAISE EXCEPTION 'transfer % does not sum to zero', NEW.transfer_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_balanced_check';
        END IF;
        RETURN NULL;
    END $$
    """,
)
TRIGGERS = (
    "CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER profiles_touch BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER categories_touch BEFORE UPDATE ON categories FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER products_touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER stock_touch BEFORE UPDATE ON stock FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER accounts_touch BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER deposits_touch BEFORE UPDATE ON deposits FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER orders_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tandem_touch()",
    "CREATE TRIGGER transfers_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER postings_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON postings FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER order_history_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON order_history FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER stock_movements_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movements FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER payments_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER audit_log_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER postings_post BEFORE INSERT ON postings FOR EACH ROW EXECUTE FUNCTION tandem_post()",
    "CREATE CONSTRAINT TRIGGER postings_balanced AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tandem_balanced()",
)


def upgrade() -> None:
    op.execute(FUNCTIONS[0])
    op.execute(sa.schema.CreateSequence(sa.Sequence("order_numbers")))
    op.create_table(
        "audit_log",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("actor_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=True),
        sa.Column("entity_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("changed", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_log_pkey")),
    )
    op.create_index(
        "audit_log_action_created_at_id_idx",
        "audit_log",
        ["action", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "audit_log_actor_id_created_at_id_idx",
        "audit_log",
        ["actor_id", "created_at", "id"],
        unique=False,
    )
    op.create_index("audit_log_created_at_id_idx", "audit_log", ["created_at", "id"], unique=False)
    op.create_index(
        "audit_log_entity_id_created_at_id_idx",
        "audit_log",
        ["entity_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "categories",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("slug", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("categories_slug_check")),
        sa.CheckConstraint(
            "char_length(name) BETWEEN 1 AND 100", name=op.f("categories_name_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("categories_pkey")),
        sa.UniqueConstraint("slug", name=op.f("categories_slug_key")),
    )
    op.create_index("categories_name_id_idx", "categories", ["name", "id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("caller_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "caller_id", "operation", "key", name=op.f("idempotency_keys_pkey")
        ),
    )
    op.create_index(
        op.f("idempotency_keys_created_at_idx"), "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "users",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default=sa.text("'USER'"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role IN ('USER', 'MODERATOR', 'MANAGER', 'ADMIN')", name=op.f("users_role_check")
        ),
        sa.CheckConstraint("char_length(email) <= 254", name=op.f("users_email_check")),
        sa.CheckConstraint(
            "char_length(username) BETWEEN 3 AND 30", name=op.f("users_username_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
    )
    op.create_index("users_email_key", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index(
        "users_username_key", "users", [sa.literal_column("lower(username)")], unique=True
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("balance", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'WALLET') = (balance IS NOT NULL)", name=op.f("accounts_balance_kept_check")
        ),
        sa.CheckConstraint(
            "(kind = 'WALLET') = (currency IS NOT NULL)", name=op.f("accounts_currency_kept_check")
        ),
        sa.CheckConstraint(
            "(kind = 'WALLET') = (user_id IS NOT NULL)", name=op.f("accounts_owner_check")
        ),
        sa.CheckConstraint(
            "kind IN ('WALLET', 'SHOP', 'PROVIDER')", name=op.f("accounts_kind_check")
        ),
        sa.CheckConstraint("balance >= 0", name=op.f("accounts_balance_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("accounts_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pkey")),
        sa.UniqueConstraint("user_id", name=op.f("accounts_user_id_key")),
    )
    op.create_table(
        "deposits",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'FAILED') = (failure_code IS NOT NULL)",
            name=op.f("deposits_failure_code_check"),
        ),
        sa.CheckConstraint(
            "(status = 'PENDING') = (settled_at IS NULL)", name=op.f("deposits_settled_at_check")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'SUCCEEDED', 'FAILED')", name=op.f("deposits_status_check")
        ),
        sa.CheckConstraint(
            "amount > 0 AND amount <= 999999999.99", name=op.f("deposits_amount_check")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("deposits_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("deposits_pkey")),
    )
    op.create_index(op.f("deposits_user_id_idx"), "deposits", ["user_id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "number",
            sa.Text(),
            server_default=sa.text("'T' || lpad(nextval('order_numbers')::text, 6, '0')"),
            nullable=False,
        ),
        sa.Column("customer_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payment_status", sa.Text(), nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("total", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("tax", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("shipping_address", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "payment_status IN ('UNPAID', 'PAID', 'REFUNDED')",
            name=op.f("orders_payment_status_check"),
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'PAID', 'CANCELLED')", name=op.f("orders_status_check")
        ),
        sa.CheckConstraint("tax >= 0 AND tax < total", name=op.f("orders_tax_check")),
        sa.CheckConstraint("total > 0 AND total <= 999999999.99", name=op.f("orders_total_check")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["users.id"], name=op.f("orders_customer_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint("number", name=op.f("orders_number_key")),
    )
    op.create_index(
        "orders_customer_id_created_at_id_idx",
        "orders",
        ["customer_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "orders_customer_id_status_idx", "orders", ["customer_id", "status"], unique=False
    )
    op.create_table(
        "products",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("price", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("category_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', tandem_words(tags)), 'B') || setweight(to_tsvector('english', description), 'C')",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "jsonb_typeof(metadata) = 'object'", name=op.f("products_metadata_check")
        ),
        sa.CheckConstraint("cardinality(tags) <= 10", name=op.f("products_tags_check")),
        sa.CheckConstraint(
            "char_length(description) <= 2000", name=op.f("products_description_check")
        ),
        sa.CheckConstraint("char_length(name) BETWEEN 3 AND 200", name=op.f("products_name_check")),
        sa.CheckConstraint(
            "price > 0 AND price <= 999999999.99", name=op.f("products_price_check")
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("products_category_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("products_pkey")),
    )
    op.create_index(
        "products_category_id_created_at_id_idx",
        "products",
        ["category_id", "created_at", "id"],
        unique=False,
    )
    op.create_index("products_created_at_id_idx", "products", ["created_at", "id"], unique=False)
    op.create_index("products_name_id_idx", "products", ["name", "id"], unique=False)
    op.create_index("products_price_id_idx", "products", ["price", "id"], unique=False)
    op.create_index(
        "products_search_idx", "products", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index("products_tags_idx", "products", ["tags"], unique=False, postgresql_using="gin")
    op.create_table(
        "profiles",
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("avatar", sa.Text(), nullable=True),
        sa.Column("bio", sa.Text(), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("profiles_user_id_fkey")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("profiles_pkey")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("sessions_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
    )
    op.create_index(op.f("sessions_user_id_idx"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "order_history",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("order_history_actor_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("order_history_order_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("order_history_pkey")),
    )
    op.create_index(op.f("order_history_actor_id_idx"), "order_history", ["actor_id"], unique=False)
    op.create_index(
        "order_history_order_id_created_at_id_idx",
        "order_history",
        ["order_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("total", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 10000", name=op.f("order_lines_quantity_check")),
        sa.CheckConstraint("unit_price > 0", name=op.f("order_lines_unit_price_check")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("order_lines_order_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("order_lines_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("order_lines_pkey")),
    )
    op.create_index(op.f("order_lines_product_id_idx"), "order_lines", ["product_id"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("refresh_tokens_session_id_fkey")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("refresh_tokens_pkey")),
    )
    op.create_index(
        op.f("refresh_tokens_session_id_idx"), "refresh_tokens", ["session_id"], unique=False
    )
    op.create_table(
        "stock",
        sa.Column("product_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("held <= on_hand", name=op.f("stock_held_on_hand_check")),
        sa.CheckConstraint("held >= 0", name=op.f("stock_held_check")),
        sa.CheckConstraint("on_hand >= 0", name=op.f("stock_on_hand_check")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("stock_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("stock_pkey")),
    )
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("product_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('RECEIVED', 'ADJUSTED', 'SOLD', 'RETURNED')",
            name=op.f("stock_movements_kind_check"),
        ),
        sa.CheckConstraint("quantity <> 0", name=op.f("stock_movements_quantity_check")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("stock_movements_order_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("stock_movements_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("stock_movements_pkey")),
    )
    op.create_index(
        op.f("stock_movements_order_id_idx"), "stock_movements", ["order_id"], unique=False
    )
    op.create_index(
        op.f("stock_movements_product_id_idx"), "stock_movements", ["product_id"], unique=False
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("deposit_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("reverses_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('DEPOSIT', 'PAYMENT', 'REFUND')", name=op.f("transfers_kind_check")
        ),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("transfers_deposit_id_fkey")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("transfers_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["transfers.id"], name=op.f("transfers_reverses_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("transfers_pkey")),
        sa.UniqueConstraint("deposit_id", name=op.f("transfers_deposit_id_key")),
    )
    op.create_index(op.f("transfers_order_id_idx"), "transfers", ["order_id"], unique=False)
    op.create_index(op.f("transfers_reverses_id_idx"), "transfers", ["reverses_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("transfer_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("amount > 0", name=op.f("payments_amount_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("payments_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("payments_transfer_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("payments_pkey")),
        sa.UniqueConstraint("order_id", name=op.f("payments_order_id_key")),
        sa.UniqueConstraint("transfer_id", name=op.f("payments_transfer_id_key")),
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("transfer_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("account_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=2), nullable=False),
        sa.Column("balance_after", sa.Numeric(precision=20, scale=2), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("postings_amount_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("postings_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("postings_transfer_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("postings_pkey")),
    )
    op.create_index(
        "postings_account_id_created_at_id_idx",
        "postings",
        ["account_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(op.f("postings_transfer_id_idx"), "postings", ["transfer_id"], unique=False)
    for statement in (*FUNCTIONS[1:], *TRIGGERS):
        op.execute(statement)
    op.execute(
        "INSERT INTO accounts (id, kind) VALUES ('00000000-0000-7000-8000-000000000001', 'SHOP'), ('00000000-0000-7000-8000-000000000002', 'PROVIDER')"
    )


def downgrade() -> None:
    op.drop_index(op.f("postings_transfer_id_idx"), table_name="postings")
    op.drop_index("postings_account_id_created_at_id_idx", table_name="postings")
    op.drop_table("postings")
    op.drop_table("payments")
    op.drop_index(op.f("transfers_reverses_id_idx"), table_name="transfers")
    op.drop_index(op.f("transfers_order_id_idx"), table_name="transfers")
    op.drop_table("transfers")
    op.drop_index(op.f("stock_movements_product_id_idx"), table_name="stock_movements")
    op.drop_index(op.f("stock_movements_order_id_idx"), table_name="stock_movements")
    op.drop_table("stock_movements")
    op.drop_table("stock")
    op.drop_index(op.f("refresh_tokens_session_id_idx"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index(op.f("order_lines_product_id_idx"), table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index("order_history_order_id_created_at_id_idx", table_name="order_history")
    op.drop_index(op.f("order_history_actor_id_idx"), table_name="order_history")
    op.drop_table("order_history")
    op.drop_index(op.f("sessions_user_id_idx"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("profiles")
    op.drop_index("products_tags_idx", table_name="products", postgresql_using="gin")
    op.drop_index("products_search_idx", table_name="products", postgresql_using="gin")
    op.drop_index("products_price_id_idx", table_name="products")
    op.drop_index("products_name_id_idx", table_name="products")
    op.drop_index("products_created_at_id_idx", table_name="products")
    op.drop_index("products_category_id_created_at_id_idx", table_name="products")
    op.drop_table("products")
    op.drop_index("orders_customer_id_status_idx", table_name="orders")
    op.drop_index("orders_customer_id_created_at_id_idx", table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("deposits_user_id_idx"), table_name="deposits")
    op.drop_table("deposits")
    op.drop_table("accounts")
    op.drop_index("users_username_key", table_name="users")
    op.drop_index("users_email_key", table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("idempotency_keys_created_at_idx"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("categories_name_id_idx", table_name="categories")
    op.drop_table("categories")
    op.drop_index("audit_log_entity_id_created_at_id_idx", table_name="audit_log")
    op.drop_index("audit_log_created_at_id_idx", table_name="audit_log")
    op.drop_index("audit_log_actor_id_created_at_id_idx", table_name="audit_log")
    op.drop_index("audit_log_action_created_at_id_idx", table_name="audit_log")
    op.drop_table("audit_log")
    op.execute("DROP SEQUENCE order_numbers")
    for signature in (
        "tandem_balanced()",
        "tandem_post()",
        "tandem_refuse()",
        "tandem_touch()",
        "tandem_words(text[])",
    ):
        op.execute(f"DROP FUNCTION {signature}")
