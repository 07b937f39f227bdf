"""The catalogue: every operation there is, in the order the documents show them."""

from typing import Any

from services import audit, auth, categories, deposits, orders, payments, products, users, wallet
from services.core.operation import Operation

OPERATIONS: tuple[Operation[Any, Any], ...] = (
    auth.register,
    auth.login,
    auth.refresh,
    auth.logout,
    users.me,
    categories.list_,
    categories.get,
    products.list_,
    products.get,
    products.create,
    wallet.get,
    wallet.entries,
    deposits.create,
    deposits.get,
    orders.create,
    orders.get,
    orders.list_,
    orders.history,
    orders.pay,
    orders.cancel,
    payments.get,
    audit.list_,
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}
