"""Rules that the database keeps by itself: functions and triggers beside the tables.

Migrations hold their own frozen copies. The check compares a migrated database with one made from
the tables and these rules.
"""

from persistence import amounts
from persistence.events import days as event_days
from persistence.orders.statuses import WAITING_STATUSES, listed
from persistence.wallet import PROVIDER, SHOP

_WAITING = listed(WAITING_STATUSES)

FUNCTIONS = (
    *amounts.FUNCTIONS,
    # A generated column needs an IMMUTABLE function. array_to_string is declared STABLE, but it is
    # immutable over text.
    """
    CREATE FUNCTION tandem_words(words text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN array_to_string(words, ' ')
    """,
    # To capitals and back: small letters with one capital letter, as σ and ς, are one letter.
    # No tag holds a line break.
    r"""
    CREATE FUNCTION tandem_folded(words text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN string_to_array(lower(upper(array_to_string(words, E'\n'))), E'\n')
    """,
    """
    CREATE FUNCTION tandem_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('tandem.reindexing', true) IS DISTINCT FROM 'yes' THEN
            NEW.updated_at := now();
        END IF;
        RETURN NEW;
    END $$
    """,
    # Words and sort keys whose texts change without them are outdated: see
    # persistence/search/texts.py. Triggers run by their names: the second one knows that the same
    # statement sets the words too.
    """
    CREATE FUNCTION tandem_changed_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.text_version := -abs(NEW.text_version);
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION tandem_made_text() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.text_version := abs(NEW.text_version);
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
    # An order that begins or ends to wait for its payment changes what its buyer's wallet holds.
    f"""
    CREATE FUNCTION tandem_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE accounts
        SET held = held + CASE WHEN NEW.status IN ({_WAITING}) THEN NEW.total ELSE -NEW.total END
        WHERE user_id = NEW.customer_id;
        RETURN NULL;
    END $$
    """,  # noqa: S608 - our own words
    """
    CREATE FUNCTION tandem_unfunded() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'wallet % cannot hold more than its balance', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_held_balance_check';
    END $$
    """,
    # Processes poll for transactions that ended sessions or keys: see persistence/revocations.py.
    """
    CREATE FUNCTION tandem_ended() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.changed_in := pg_current_xact_id();
        RETURN NEW;
    END $$
    """,
    # A role that was gained does not open the past: see persistence/events/views.py.
    """
    CREATE FUNCTION tandem_role() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.role_since := now();
        RETURN NEW;
    END $$
    """,
    event_days.FUNCTION,
    # Changing a user's role or closing the account ends the user's sessions and API keys.
    """
    CREATE FUNCTION tandem_standing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE sessions SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
        UPDATE api_keys SET revoked_at = CASE WHEN NEW.is_active THEN NULL ELSE now() END
        WHERE user_id = NEW.id AND revoked_at IS NULL;
        RETURN NULL;
    END $$
    """,
)

TOUCHED = (
    "users",
    "profiles",
    "categories",
    "products",
    "stock",
    "accounts",
    "deposits",
    "orders",
    "coupons",
    "coupon_redemptions",
    "projects",
    "posts",
    "post_views",
    "comments",
)
APPEND_ONLY = (
    "transfers",
    "postings",
    "order_history",
    "stock_movements",
    "payments",
    "invoices",
    "invoice_pdfs",
    "provider_events",
    "refunds",
    "refund_lines",
    "audit_log",
    "audit_seals",
    "shop",
)
#: The columns that never change, of append-only tables that have others.
_NEVER_CHANGING = {"payments": "id, order_id, transfer_id, amount, currency, created_at"}

#: The texts of tables, and the columns that are made of them.
_TEXTS = {
    "products": ("name, description, tags", "words, name_key"),
    "categories": ("name", "name_key"),
    "posts": ("title, content, tags", "words, title_key"),
    "users": ("full_name", "full_name_key"),
}


def _refused_update(table: str) -> str:
    columns = _NEVER_CHANGING.get(table)
    return f"UPDATE OF {columns}" if columns else "UPDATE"


TRIGGERS = (
    *amounts.TRIGGERS,
    *(
        f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION tandem_touch()"
        for table in TOUCHED
    ),
    *(
        f"CREATE TRIGGER {table}_{name} BEFORE UPDATE OF {columns} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION tandem_{name}()"
        for table, (texts, made) in _TEXTS.items()
        for name, columns in (("changed_text", texts), ("made_text", made))
    ),
    *(
        f"CREATE TRIGGER {table}_refuse BEFORE {_refused_update(table)} OR DELETE OR TRUNCATE "
        f"ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
        for table in APPEND_ONLY
    ),
    # The row of the chain's end changes with every seal, and always exists.
    "CREATE TRIGGER audit_chain_refuse BEFORE DELETE OR TRUNCATE ON audit_chain "
    "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()",
    "CREATE TRIGGER postings_post BEFORE INSERT ON postings "
    "FOR EACH ROW EXECUTE FUNCTION tandem_post()",
    # Deferred: a transfer's postings are inserted one by one, and must sum to zero at COMMIT.
    "CREATE CONSTRAINT TRIGGER postings_balanced AFTER INSERT ON postings "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tandem_balanced()",
    f"CREATE TRIGGER orders_hold AFTER INSERT ON orders "
    f"FOR EACH ROW WHEN (NEW.status IN ({_WAITING})) EXECUTE FUNCTION tandem_hold()",
    "CREATE TRIGGER orders_release AFTER UPDATE OF status ON orders "
    f"FOR EACH ROW WHEN ((OLD.status IN ({_WAITING})) <> (NEW.status IN ({_WAITING}))) "
    "EXECUTE FUNCTION tandem_hold()",
    # A payment lowers the balance and what is held one after the other, so no CHECK compares them.
    "CREATE TRIGGER accounts_held BEFORE UPDATE OF held ON accounts "
    "FOR EACH ROW WHEN (NEW.held > OLD.held AND NEW.held > NEW.balance) "
    "EXECUTE FUNCTION tandem_unfunded()",
    *(
        f"CREATE TRIGGER {table}_ended BEFORE UPDATE OF revoked_at ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION tandem_ended()"
        for table in ("sessions", "api_keys")
    ),
    "CREATE TRIGGER users_role BEFORE UPDATE OF role ON users "
    "FOR EACH ROW WHEN (OLD.role <> NEW.role) EXECUTE FUNCTION tandem_role()",
    "CREATE TRIGGER users_standing AFTER UPDATE OF role, is_active ON users "
    "FOR EACH ROW WHEN (OLD.role <> NEW.role OR OLD.is_active <> NEW.is_active) "
    "EXECUTE FUNCTION tandem_standing()",
)


#: The first migration creates the accounts of the shop and of the payment provider.
SYSTEM_ACCOUNTS = (
    f"INSERT INTO accounts (id, kind) VALUES ('{SHOP}', 'SHOP'), ('{PROVIDER}', 'PROVIDER')"  # noqa: S608
)
#: The row of the chain's end before the first seal. Its hash holds the number of entries that were
#: written before there were proofs: none in a new database.
CHAIN_BEGINS = (
    "INSERT INTO audit_chain (id, position, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'))"
)
#: A missing partition of a day must not hold up events: they go here until it is made.
DEFAULT_PARTITION = "CREATE TABLE events_default PARTITION OF events DEFAULT"
#: The row of the log's head always exists.
LOG_BEGINS = "INSERT INTO event_head (id) VALUES (1)"
