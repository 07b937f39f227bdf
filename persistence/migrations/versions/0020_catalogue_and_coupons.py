"""Short names of products, tags in any case, coupons of orders that the shop cancelled

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FOLDED = r"""
CREATE FUNCTION tandem_folded(words text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN string_to_array(lower(upper(array_to_string(words, E'\n'))), E'\n')
"""
# Orders that were paid and then cancelled by somebody else than their buyer.
RELEASE = """
UPDATE coupon_redemptions SET status = 'RELEASED'
FROM orders
WHERE orders.id = coupon_redemptions.order_id AND coupon_redemptions.status = 'USED'
    AND EXISTS (
        SELECT FROM order_history WHERE order_history.order_id = orders.id
            AND to_status = 'CANCELLED' AND actor_id IS DISTINCT FROM customer_id)
"""
USE = """
UPDATE coupon_redemptions SET status = 'USED'
FROM orders
WHERE orders.id = coupon_redemptions.order_id AND coupon_redemptions.status = 'RELEASED'
    AND payment_status <> 'UNPAID'
"""


def upgrade() -> None:
    op.execute(FOLDED)
    op.drop_index("products_tags_idx", "products")
    op.create_index(
        "products_tags_idx",
        "products",
        [sa.text("tandem_folded(tags)")],
        postgresql_using="gin",
    )
    _limit_names("char_length(name) BETWEEN 1 AND 200")
    op.execute(RELEASE)


def downgrade() -> None:
    op.execute(USE)
    # The older shop has no name of less than three characters.
    op.execute("UPDATE products SET name = rpad(name, 3, '_') WHERE char_length(name) < 3")
    _limit_names("char_length(name) BETWEEN 3 AND 200")
    op.drop_index("products_tags_idx", "products")
    op.create_index("products_tags_idx", "products", ["tags"], postgresql_using="gin")
    op.execute("DROP FUNCTION tandem_folded(text[])")


def _limit_names(rule: str) -> None:
    op.drop_constraint(op.f("products_name_check"), "products")
    op.create_check_constraint(op.f("products_name_check"), "products", rule)
