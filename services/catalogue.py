"""The catalogue: every operation there is, in the order the documents show them."""

from typing import Any

from services import (
    api_keys,
    audit,
    auth,
    auth_recovery,
    categories,
    deposits,
    orders,
    payments,
    products,
    sessions,
    users,
    wallet,
)
from services.core.operation import Operation

OPERATIONS: tuple[Operation[Any, Any], ...] = (
    auth.register,
    auth.login,
    auth.refresh,
    auth.logout,
    auth.logout_everywhere,
    auth_recovery.request_password_reset,
    auth_recovery.resend_verification,
    auth_recovery.reset_password,
    auth_recovery.verify_email,
    sessions.list_,
    sessions.revoke,
    api_keys.list_,
    api_keys.create,
    api_keys.revoke,
    users.me,
    users.update_me,
    users.change_password,
    users.delete_me,
    users.list_,
    users.get,
    users.create,
    users.update,
    users.revoke_sessions,
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
