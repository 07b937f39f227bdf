"""The catalogue: every operation there is, in the order the documents show them."""

from typing import Any

from services import api_keys, approvals, categories, payments, sessions, wallet
from services.audit import reading as audit
from services.auth import recovery as auth_recovery
from services.auth import signing_in as auth
from services.coupons import managing as coupons
from services.deposits import depositing as deposits
from services.invoices import reading as invoices
from services.jobs import managing as jobs
from services.operation.running import Operation
from services.orders import buying as orders
from services.orders import managing as orders_admin
from services.products import managing as products
from services.refunds import refunding as refunds
from services.users import managing as users

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
    categories.create,
    categories.update,
    categories.delete,
    products.list_,
    products.get,
    products.create,
    products.update,
    products.archive,
    products.adjust_stock,
    wallet.get,
    wallet.entries,
    deposits.create,
    deposits.list_,
    deposits.get,
    orders.quote,
    orders.create,
    orders.get,
    orders.list_,
    orders.history,
    orders.pay,
    orders.cancel,
    orders_admin.list_all,
    orders_admin.update_status,
    refunds.create,
    approvals.list_,
    approvals.approve,
    approvals.reject,
    payments.list_,
    payments.get,
    invoices.get,
    invoices.pdf,
    refunds.list_,
    coupons.list_,
    coupons.get,
    coupons.create,
    coupons.update,
    coupons.deactivate,
    coupons.check,
    audit.list_,
    audit.head,
    audit.verify,
    jobs.list_,
    jobs.get,
    jobs.retry,
    jobs.discard,
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}
