"""The catalogue: every operation, in the order in which the documents show them."""

from typing import Any

from services import api_keys, approvals, categories, payments, projects, sessions, wallet
from services.audit import reading as audit
from services.auth import recovery as auth_recovery
from services.auth import signing_in as auth_signing_in
from services.comments import moderating as comments_moderating
from services.comments import reading as comments
from services.comments import writing as comments_writing
from services.coupons import managing as coupons
from services.deposits import depositing as deposits
from services.events import reading as events
from services.events import streaming as events_streaming
from services.invoices import reading as invoices
from services.jobs import managing as jobs
from services.operation.operation import Operation
from services.orders import buying as orders_buying
from services.orders import managing as orders_managing
from services.orders import reading as orders
from services.posts import liking as posts_liking
from services.posts import moderating as posts_moderating
from services.posts import reading as posts
from services.posts import writing as posts_writing
from services.products import exporting as products_exporting
from services.products import images as products_images
from services.products import managing as products_managing
from services.products import reading as products
from services.refunds import refunding as refunds
from services.reports import sales as reports_sales
from services.reports import transactions as reports_transactions
from services.uploads import declaring as uploads_declaring
from services.uploads import reading as uploads
from services.users import avatars as users_avatars
from services.users import exporting as users_exporting
from services.users import managing as users_managing
from services.users import own_account as users_own_account
from services.users import reading as users

OPERATIONS: tuple[Operation[Any, Any], ...] = (
    auth_signing_in.register,
    auth_signing_in.login,
    auth_signing_in.refresh,
    auth_signing_in.logout,
    auth_signing_in.logout_everywhere,
    auth_recovery.request_password_reset,
    auth_recovery.resend_verification,
    auth_recovery.reset_password,
    auth_recovery.verify_email,
    sessions.list_,
    sessions.revoke,
    api_keys.list_,
    api_keys.create,
    api_keys.revoke,
    users_own_account.me,
    users_own_account.update_me,
    users_avatars.set_avatar,
    users_avatars.remove_avatar,
    users_own_account.change_password,
    users_own_account.delete_me,
    users_exporting.export,
    users.list_,
    users.get,
    users_managing.create,
    users_managing.update,
    users_managing.revoke_sessions,
    categories.list_,
    categories.get,
    categories.create,
    categories.update,
    categories.delete,
    products.list_,
    products.get,
    products_managing.create,
    products_managing.update,
    products_managing.archive,
    products_managing.adjust_stock,
    products_exporting.export,
    products_images.set_image,
    products_images.remove_image,
    wallet.get,
    wallet.entries,
    deposits.create,
    deposits.list_,
    deposits.get,
    orders_buying.quote,
    orders_buying.create,
    orders.get,
    orders.list_,
    orders.history,
    orders_buying.pay,
    orders_buying.cancel,
    orders_managing.list_all,
    orders_managing.update_status,
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
    posts.list_,
    posts.list_mine,
    posts.popular,
    posts.get,
    posts_writing.create,
    posts_writing.update,
    posts_writing.delete,
    posts_moderating.unpublish,
    posts_moderating.restore,
    posts_liking.like,
    posts_liking.unlike,
    comments.list_,
    comments.replies,
    comments.get,
    comments_writing.create,
    comments_writing.update,
    comments_writing.delete,
    comments_moderating.remove,
    comments_moderating.restore,
    projects.list_,
    projects.get,
    projects.create,
    projects.update,
    projects.delete,
    reports_transactions.list_,
    reports_transactions.export,
    reports_sales.sales,
    uploads_declaring.create,
    uploads.get,
    events.list_,
    events_streaming.stream,
    events.list_types,
    audit.list_,
    audit.head,
    audit.verify,
    jobs.list_,
    jobs.get,
    jobs.retry,
    jobs.discard,
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}
