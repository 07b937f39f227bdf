"""P3: the same bad call gives the same error on every face, word for word."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from persistence.mail_tokens import Purpose
from services.errors.base import CATALOGUE
from services.errors.common import Internal
from services.errors.orders import OrderNotFound
from services.ids import NOWHERE, new_id
from services.jobs.handlers import HANDLERS
from services.jobs.queue import Job
from services.orders import reading as orders
from tests.faces import Door, Service
from tests.pictures import declared, picture
from tests.shop import PASSWORD, Person, Shop, new_key, unique

UNKNOWN = "01890000-0000-7000-8000-000000000000"
Case = tuple[str, dict[str, Any], Person | None, str | None]
Build = Callable[[Shop], Awaitable[Case]]


async def _owner(shop: Shop) -> Person:
    return await shop.person(balance="100.00")


async def register_taken(shop: Shop) -> Case:
    known = await shop.person()
    values = {
        "email": known.email.upper(),
        "username": unique("new"),
        "password": PASSWORD,
        "fullName": "Ada",
    }
    return "auth.register", values, None, None


async def register_taken_name(shop: Shop) -> Case:
    known = await shop.person()
    values = {
        "email": f"{unique()}@example.com",
        "username": known.username.upper(),
        "password": PASSWORD,
        "fullName": "Ada",
    }
    return "auth.register", values, None, None


async def register_all_bad(shop: Shop) -> Case:
    values = {
        "email": "x@",
        "username": "ä",
        "password": "1234567",
        "fullName": " ",
        "firstName": "x" * 101,
        "lastName": "\u0001",
    }
    return "auth.register", values, None, None


async def login_wrong(shop: Shop) -> Case:
    known = await shop.person()
    return "auth.login", {"email": known.email, "password": "not-the-one"}, None, None


async def login_disabled(shop: Shop) -> Case:
    closed = await shop.person(is_active=False)
    return "auth.login", {"email": closed.email, "password": PASSWORD}, None, None


async def login_bad(shop: Shop) -> Case:
    return "auth.login", {"email": "nobody", "password": "short"}, None, None


async def refresh_unknown(shop: Shop) -> Case:
    return "auth.refresh", {"refreshToken": "tdr_unknown"}, None, None


async def refresh_used(shop: Shop) -> Case:
    person = await shop.person()
    await Service(shop).call("auth.refresh", {"refreshToken": person.refresh_token})
    return "auth.refresh", {"refreshToken": person.refresh_token}, None, None


async def refresh_bad(shop: Shop) -> Case:
    return "auth.refresh", {"refreshToken": "x" * 201}, None, None


async def logout_bad(shop: Shop) -> Case:
    return "auth.logout", {"refreshToken": ""}, None, None


async def request_reset_bad(shop: Shop) -> Case:
    return "auth.requestPasswordReset", {"email": "nobody"}, None, None


async def reset_all_bad(shop: Shop) -> Case:
    return "auth.resetPassword", {"token": " ", "newPassword": "short"}, None, None


async def reset_unknown(shop: Shop) -> Case:
    return "auth.resetPassword", {"token": "tdp_unknown", "newPassword": PASSWORD}, None, None


async def verify_unknown(shop: Shop) -> Case:
    return "auth.verifyEmail", {"token": "tdv_unknown"}, None, None


async def verify_taken(shop: Shop) -> Case:
    person, other = await shop.person(), await shop.person()
    pending = "UPDATE users SET pending_email = $2 WHERE id = $1"
    await shop.execute(pending, person.id, other.email)
    token = await shop.mailed(person, Purpose.VERIFY_EMAIL, email=other.email)
    return "auth.verifyEmail", {"token": token}, None, None


async def log_out_everywhere_nobody(shop: Shop) -> Case:
    return "auth.logoutEverywhere", {}, None, None


async def sessions_bad_page(shop: Shop) -> Case:
    return "sessions.list", {"first": 0, "after": "nonsense"}, await shop.person(), None


async def session_of_another(shop: Shop) -> Case:
    values = {"id": (await shop.person()).session_id}
    return "sessions.revoke", values, await shop.person(), None


async def create_key_all_bad(shop: Shop) -> Case:
    values = {"name": "x" * 101, "permissions": ["orders:read:own", "orders:eat:own"]}
    return "apiKeys.create", values, await shop.person(), None


async def create_key_beyond_role(shop: Shop) -> Case:
    values = {"name": "A key", "permissions": ["audit:read:all"]}
    return "apiKeys.create", values, await shop.person(), None


async def create_key_by_key(shop: Shop) -> Case:
    values = {"name": "A key", "permissions": ["orders:read:own"]}
    machine = await shop.machine(await shop.person(), "orders:read:own")
    return "apiKeys.create", values, machine, None


async def key_of_another(shop: Shop) -> Case:
    machine = await shop.machine(await shop.person(), "orders:read:own")
    return "apiKeys.revoke", {"id": machine.key_id}, await shop.person(), None


async def me_nobody(shop: Shop) -> Case:
    return "users.me", {}, None, None


async def update_me_all_bad(shop: Shop) -> Case:
    values = {"email": "x", "username": None, "fullName": "", "avatar": "ftp://x", "bio": ""}
    return "users.updateMe", values, await _owner(shop), None


async def update_me_empty(shop: Shop) -> Case:
    return "users.updateMe", {}, await _owner(shop), None


async def update_me_taken(shop: Shop) -> Case:
    values = {
        "email": (await _owner(shop)).email.upper(),
        "bio": "Mine.",
        "currentPassword": PASSWORD,
    }
    return "users.updateMe", values, await _owner(shop), None


async def update_me_without_password(shop: Shop) -> Case:
    values = {"email": f"{unique()}@example.com", "bio": "Mine."}
    return "users.updateMe", values, await _owner(shop), None


async def update_me_password_alone(shop: Shop) -> Case:
    return "users.updateMe", {"currentPassword": PASSWORD}, await _owner(shop), None


async def update_me_wrong_password(shop: Shop) -> Case:
    values = {"email": f"{unique()}@example.com", "currentPassword": "not-the-password"}
    return "users.updateMe", values, await _owner(shop), None


async def change_password_wrong(shop: Shop) -> Case:
    values = {"currentPassword": "not-the-password", "newPassword": PASSWORD}
    return "users.changePassword", values, await _owner(shop), None


async def delete_me_with_money(shop: Shop) -> Case:
    return "users.deleteMe", {"password": PASSWORD}, await shop.person(balance="5.00"), None


async def users_bad_filters(shop: Shop) -> Case:
    values = {"search": "x" * 201, "first": 101, "before": "z"}
    return "users.list", values, await shop.person("ADMIN"), None


async def user_unknown(shop: Shop) -> Case:
    return "users.get", {"id": new_id(shop.process.clock())}, await _owner(shop), None


async def create_user_all_bad(shop: Shop) -> Case:
    values = {"email": "", "username": "a", "password": "", "fullName": "", "role": "USER"}
    return "users.create", values, await shop.person("ADMIN"), None


async def update_user_empty(shop: Shop) -> Case:
    values = {"id": (await _owner(shop)).id}
    return "users.update", values, await shop.person("ADMIN"), None


async def update_user_last_admin(shop: Shop) -> Case:
    admin = await shop.person("ADMIN")
    await shop.only_admins(admin)
    return "users.update", {"id": admin.id, "isActive": False}, admin, None


async def revoke_sessions_forbidden(shop: Shop) -> Case:
    values = {"id": (await _owner(shop)).id}
    return "users.revokeSessions", values, await shop.person("MANAGER"), None


async def categories_conflict(shop: Shop) -> Case:
    return "categories.list", {"first": 5, "page": 2}, None, None


async def category_unknown(shop: Shop) -> Case:
    return "categories.get", {"id": UNKNOWN}, None, None


async def create_category_all_bad(shop: Shop) -> Case:
    values = {"slug": "No Slug", "name": "x" * 101, "description": "x" * 2001}
    return "categories.create", values, await shop.person("MANAGER"), None


async def create_category_taken(shop: Shop) -> Case:
    taken = await shop.value("SELECT slug FROM categories WHERE id = $1", await shop.shelf())
    values = {"slug": taken, "name": "Shelf"}
    return "categories.create", values, await shop.person("MANAGER"), None


async def update_category_taken(shop: Shop) -> Case:
    taken = await shop.value("SELECT slug FROM categories WHERE id = $1", await shop.shelf())
    values = {"id": await shop.category(), "slug": taken}
    return "categories.update", values, await shop.person("MANAGER"), None


async def update_category_empty(shop: Shop) -> Case:
    return "categories.update", {"id": await shop.shelf()}, await shop.person("MANAGER"), None


async def delete_category_in_use(shop: Shop) -> Case:
    await shop.product()
    return "categories.delete", {"id": await shop.shelf()}, await shop.person("ADMIN"), None


async def delete_category_forbidden(shop: Shop) -> Case:
    return "categories.delete", {"id": UNKNOWN}, await shop.person("MANAGER"), None


async def products_all_bad(shop: Shop) -> Case:
    values = {
        "first": 1000,
        "minPrice": "1.999",
        "maxPrice": "-1",
        "categoryId": "x",
        "tag": "",
        "search": "x" * 201,
        "category": "y" * 101,
    }
    return "products.list", values, None, None


async def products_senseless(shop: Shop) -> Case:
    return "products.list", {"minPrice": "9", "maxPrice": "3"}, None, None


async def products_relevance(shop: Shop) -> Case:
    return "products.list", {"sort": "relevance"}, None, None


async def products_foreign_cursor(shop: Shop) -> Case:
    await shop.product()
    page = await Service(shop).call("products.list", {"first": 1, "sort": "name"})
    return "products.list", {"first": 1, "after": page.listed.end}, None, None


async def product_malformed(shop: Shop) -> Case:
    return "products.get", {"id": "malformed"}, None, None


async def create_product_all_bad(shop: Shop) -> Case:
    values = {
        "name": "",
        "description": "x" * 2001,
        "price": "0",
        "categoryId": "5",
        "tags": ["", "x" * 51],
        "metadata": {"x" * 101: 1},
        "image": "",
        "stock": 1_000_001,
    }
    return "products.create", values, await shop.person("MANAGER"), None


async def create_product_bad_key(shop: Shop) -> Case:
    values = {"name": "", "price": "5", "categoryId": UNKNOWN}
    return "products.create", values, await shop.person("MANAGER"), "k" * 256


async def create_product_nowhere(shop: Shop) -> Case:
    values = {"name": "Lamp", "price": "5", "categoryId": UNKNOWN}
    return "products.create", values, await shop.person("MANAGER"), None


async def create_product_forbidden(shop: Shop) -> Case:
    values = {"name": "Lamp", "price": "5", "categoryId": UNKNOWN}
    return "products.create", values, await shop.person("MODERATOR"), None


async def update_product_all_bad(shop: Shop) -> Case:
    values = {
        "id": (await shop.product()).id,
        "name": "",
        "description": "x" * 2001,
        "price": "0",
        "categoryId": "5",
        "tags": ["", "x" * 51],
        "metadata": {"x" * 101: 1},
        "image": "",
    }
    return "products.update", values, await shop.person("MANAGER"), None


async def update_product_nowhere(shop: Shop) -> Case:
    values = {"id": (await shop.product()).id, "categoryId": UNKNOWN}
    return "products.update", values, await shop.person("MANAGER"), None


async def update_product_that_only_admins_archive(shop: Shop) -> Case:
    values = {"id": (await shop.product()).id, "isActive": False}
    return "products.update", values, await shop.person("MANAGER"), None


async def archive_product_unknown(shop: Shop) -> Case:
    return "products.archive", {"id": UNKNOWN}, await shop.person("ADMIN"), None


async def adjust_stock_both_ways(shop: Shop) -> Case:
    values = {"id": UNKNOWN, "delta": 1, "stock": 5}
    return "products.adjustStock", values, await shop.person("MANAGER"), new_key()


async def adjust_stock_without_key(shop: Shop) -> Case:
    values = {"id": UNKNOWN, "delta": 1}
    return "products.adjustStock", values, await shop.person("MANAGER"), None


async def adjust_stock_below_none(shop: Shop) -> Case:
    values = {"id": (await shop.product(stock=3)).id, "delta": -4}
    return "products.adjustStock", values, await shop.person("MANAGER"), new_key()


async def adjust_stock_that_changed(shop: Shop) -> Case:
    values = {"id": (await shop.product(stock=3)).id, "stock": 5, "expected": 4}
    return "products.adjustStock", values, await shop.person("MANAGER"), new_key()


async def entries_bad_page(shop: Shop) -> Case:
    return "wallet.entries", {"page": 0, "perPage": 101}, await _owner(shop), None


async def wallet_nobody(shop: Shop) -> Case:
    return "wallet.get", {}, None, None


async def deposit_without_key(shop: Shop) -> Case:
    return "deposits.create", {"amount": "5"}, await _owner(shop), None


async def deposit_bad(shop: Shop) -> Case:
    return "deposits.create", {"amount": "1000000000.00"}, await _owner(shop), "two words"


async def deposit_of_another(shop: Shop) -> Case:
    deposit = await shop.deposit(await shop.person(), "5")
    return "deposits.get", {"id": deposit.id}, await _owner(shop), None


async def order_all_bad(shop: Shop) -> Case:
    values = {
        "lines": [{"productId": "x", "quantity": 0}, {"productId": UNKNOWN, "quantity": 10_001}],
        "shippingAddress": {
            "name": "",
            "line1": "x" * 101,
            "line2": "",
            "city": "x" * 101,
            "postalCode": "",
            "country": "gb",
        },
    }
    return "orders.create", values, await _owner(shop), None


async def order_repeated(shop: Shop) -> Case:
    line = {"productId": UNKNOWN, "quantity": 1}
    return "orders.create", {"lines": [line, line]}, await _owner(shop), None


async def order_unknown_product(shop: Shop) -> Case:
    values = {"lines": [{"productId": UNKNOWN, "quantity": 1}]}
    return "orders.create", values, await _owner(shop), None


async def order_too_much(shop: Shop) -> Case:
    product = await shop.product(stock=3)
    values = {"lines": [{"productId": product.id, "quantity": 4}]}
    return "orders.create", values, await _owner(shop), None


async def order_too_dear(shop: Shop) -> Case:
    product = await shop.product("100.01")
    values = {"lines": [{"productId": product.id, "quantity": 1}]}
    return "orders.create", values, await _owner(shop), None


async def order_beyond_all(shop: Shop) -> Case:
    product = await shop.product("999999999.99")
    values = {"lines": [{"productId": product.id, "quantity": 2}]}
    return "orders.create", values, await _owner(shop), None


async def orders_bad_filters(shop: Shop) -> Case:
    values = {"number": "x" * 31, "from": "yesterday", "last": 101}
    return "orders.list", values, await _owner(shop), None


async def orders_backwards(shop: Shop) -> Case:
    values = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    return "orders.list", values, await _owner(shop), None


async def order_of_another(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop))
    return "orders.get", {"id": order.id}, await shop.person(), None


async def history_of_another(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop))
    return "orders.history", {"id": order.id}, await shop.person(), None


async def history_bad_page(shop: Shop) -> Case:
    owner = await _owner(shop)
    order = await shop.order(owner)
    return "orders.history", {"id": order.id, "first": 101}, owner, None


async def pay_unknown(shop: Shop) -> Case:
    return "orders.pay", {"id": UNKNOWN}, await _owner(shop), new_key()


async def pay_twice(shop: Shop) -> Case:
    owner = await _owner(shop)
    return "orders.pay", {"id": (await shop.order(owner, paid=True)).id}, owner, new_key()


async def refund_too_much(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop), paid=True)
    values = {"id": order.id, "amount": "20.00"}
    return "orders.refund", values, await shop.person("MANAGER"), new_key()


async def refund_too_many(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop), paid=True)
    line = {"productId": order.lines[0].product_id, "quantity": 2}
    values = {"id": order.id, "lines": [line]}
    return "orders.refund", values, await shop.person("MANAGER"), new_key()


async def refund_otherwise_than_expected(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop), paid=True)
    values = {"id": order.id, "expectedRefunded": "1.00"}
    return "orders.refund", values, await shop.person("MANAGER"), new_key()


async def pay_without_money(shop: Shop) -> Case:
    owner = await _owner(shop)
    product = await shop.product("60.00")
    first = await shop.order(owner, [(product.id, 1)])
    second = await shop.order_beyond_holds(owner, [(product.id, 1)])
    await shop.pay(owner, first.id)
    return "orders.pay", {"id": second.id}, owner, new_key()


async def pay_for_another(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop))
    return "orders.pay", {"id": order.id}, await shop.person("MANAGER"), new_key()


async def pay_without_key(shop: Shop) -> Case:
    owner = await _owner(shop)
    return "orders.pay", {"id": (await shop.order(owner)).id}, owner, None


async def pay_with_key_of_another_call(shop: Shop) -> Case:
    owner = await _owner(shop)
    product = await shop.product("1.00")
    first = await shop.order(owner, [(product.id, 1)])
    second = await shop.order(owner, [(product.id, 1)])
    key = new_key()
    await Service(shop).call("orders.pay", {"id": first.id}, caller=owner, key=key)
    return "orders.pay", {"id": second.id}, owner, key


async def cancel_twice(shop: Shop) -> Case:
    owner = await _owner(shop)
    return "orders.cancel", {"id": (await shop.order(owner, cancelled=True)).id}, owner, None


async def cancel_bad_reason(shop: Shop) -> Case:
    owner = await _owner(shop)
    values = {"id": (await shop.order(owner)).id, "reason": "x" * 501}
    return "orders.cancel", values, owner, None


async def pdf_too_early(shop: Shop) -> Case:
    owner = await _owner(shop)
    order = await shop.order(owner, paid=True)
    job = Job("job", "a-request", {"orderId": order.id})
    await HANDLERS["invoices.issue"](shop.process, job)
    order = await orders.get(shop.request(owner), {"id": order.id})
    return "invoices.pdf", {"id": order.invoice_id}, owner, None


async def quote_unknown(shop: Shop) -> Case:
    lines = [{"productId": new_id(shop.process.clock()), "quantity": 1}]
    return "orders.quote", {"lines": lines}, await _owner(shop), None


async def confirm_unpaid(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop))
    values = {"id": order.id, "status": "CONFIRMED"}
    return "orders.updateStatus", values, await shop.person("MANAGER"), None


async def track_too_early(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop), paid=True)
    values = {"id": order.id, "status": "CONFIRMED", "trackingCode": "1Z"}
    return "orders.updateStatus", values, await shop.person("MANAGER"), None


async def approve_small(shop: Shop) -> Case:
    order = await shop.order(await _owner(shop))
    return "approvals.approve", {"id": order.id}, await shop.person("MANAGER"), None


async def approve_own(shop: Shop) -> Case:
    manager = await shop.person("MANAGER", balance="20000.00")
    return "approvals.approve", {"id": (await shop.large_order(manager)).id}, manager, None


async def reject_unknown(shop: Shop) -> Case:
    values = {"id": new_id(shop.process.clock())}
    return "approvals.reject", values, await shop.person("MANAGER"), None


async def payment_unknown(shop: Shop) -> Case:
    return "payments.get", {"id": new_id(shop.process.clock())}, await _owner(shop), None


async def invoice_unknown(shop: Shop) -> Case:
    return "invoices.get", {"id": "malformed"}, await _owner(shop), None


async def invoice_of_another(shop: Shop) -> Case:
    invoice = await shop.invoice(await _owner(shop))
    return "invoices.pdf", {"id": invoice.id}, await _owner(shop), None


async def coupon_unknown(shop: Shop) -> Case:
    return "coupons.get", {"id": "malformed"}, await shop.person("MANAGER"), None


async def coupons_bad_filters(shop: Shop) -> Case:
    values = {"code": "", "after": "z", "page": 1}
    return "coupons.list", values, await shop.person("MANAGER"), None


async def create_coupon_all_bad(shop: Shop) -> Case:
    values = {
        "code": "10 %",
        "kind": "FIXED",
        "value": "0",
        "description": "",
        "minimumOrder": "1000000000",
        "usageLimit": 0,
        "perUserLimit": 1_000_001,
    }
    return "coupons.create", values, await shop.person("MANAGER"), None


async def create_coupon_senseless(shop: Shop) -> Case:
    values = {"code": unique("C"), "kind": "PERCENT", "value": "100.01"}
    return "coupons.create", values, await shop.person("MANAGER"), None


async def create_coupon_taken(shop: Shop) -> Case:
    values = {"code": (await shop.coupon()).code.lower(), "kind": "FIXED", "value": "5"}
    return "coupons.create", values, await shop.person("MANAGER"), None


async def update_coupon_empty(shop: Shop) -> Case:
    values = {"id": (await shop.coupon()).id}
    return "coupons.update", values, await shop.person("MANAGER"), None


async def update_coupon_frozen(shop: Shop) -> Case:
    coupon = await shop.coupon()
    await shop.redeem(coupon, await _owner(shop))
    values = {"id": coupon.id, "value": "5", "code": unique("C")}
    return "coupons.update", values, await shop.person("MANAGER"), None


async def deactivate_coupon_forbidden(shop: Shop) -> Case:
    return "coupons.deactivate", {"id": (await shop.coupon()).id}, await _owner(shop), None


async def check_coupon_bad(shop: Shop) -> Case:
    return "coupons.check", {"code": "", "subtotal": "0"}, await _owner(shop), None


async def check_coupon_unknown(shop: Shop) -> Case:
    return "coupons.check", {"code": unique("C"), "subtotal": "5"}, await _owner(shop), None


async def check_coupon_ended(shop: Shop) -> Case:
    code = (await shop.coupon(endsAt="2026-01-31T12:00:00Z")).code
    return "coupons.check", {"code": code, "subtotal": "5"}, await _owner(shop), None


async def check_coupon_exhausted(shop: Shop) -> Case:
    coupon, owner = await shop.coupon(usageLimit=1), await _owner(shop)
    await shop.redeem(coupon, owner)
    return "coupons.check", {"code": coupon.code, "subtotal": "5"}, owner, None


async def audit_forbidden(shop: Shop) -> Case:
    return "audit.list", {"first": 101}, await shop.person("MANAGER"), None


async def audit_bad_filters(shop: Shop) -> Case:
    values = {"actorId": "x", "entityId": "y", "action": "", "to": "2026", "before": "z"}
    return "audit.list", values, await shop.person("ADMIN"), None


async def post_that_is_a_draft(shop: Shop) -> Case:
    draft = await shop.post(await _owner(shop), is_published=False)
    return "posts.get", {"id": draft.id}, await _owner(shop), None


async def create_post_all_bad(shop: Shop) -> Case:
    values = {"title": "Four", "content": "short", "category": "HEALTH", "tags": [""]}
    return "posts.create", values, await _owner(shop), None


async def posts_by_relevance_alone(shop: Shop) -> Case:
    return "posts.list", {"sort": "relevance"}, None, None


async def popular_posts_too_many(shop: Shop) -> Case:
    return "posts.popular", {"first": 51}, None, None


async def update_post_of_another(shop: Shop) -> Case:
    values = {"id": (await shop.post(await _owner(shop))).id, "title": "Not mine"}
    return "posts.update", values, await _owner(shop), None


async def publish_unpublished(shop: Shop) -> Case:
    author = await _owner(shop)
    post = await shop.unpublished(author)
    return "posts.update", {"id": post.id, "isPublished": True}, author, None


async def unpublish_draft(shop: Shop) -> Case:
    draft = await shop.post(await _owner(shop), is_published=False)
    values = {"id": draft.id, "reason": "It advertises."}
    return "posts.unpublish", values, await shop.person("MODERATOR"), None


async def comments_of_nothing(shop: Shop) -> Case:
    return "comments.list", {"id": "nonsense"}, None, None


async def reply_to_reply(shop: Shop) -> Case:
    author = await _owner(shop)
    comment = await shop.comment(author)
    reply = await shop.comment(author, comment.post_id, parentId=comment.id)
    values = {"id": comment.post_id, "content": "And I.", "parentId": reply.id}
    return "comments.create", values, author, None


async def reply_elsewhere(shop: Shop) -> Case:
    author = await _owner(shop)
    comment, post = await shop.comment(author), await shop.post(author)
    values = {"id": post.id, "content": "And I.", "parentId": comment.id}
    return "comments.create", values, author, None


async def restore_visible_comment(shop: Shop) -> Case:
    comment = await shop.comment(await _owner(shop))
    return "comments.restore", {"id": comment.id}, await shop.person("MODERATOR"), None


async def project_of_another(shop: Shop) -> Case:
    project = await shop.project(await _owner(shop))
    return "projects.get", {"id": project.id}, await _owner(shop), None


async def create_project_all_bad(shop: Shop) -> Case:
    values = {
        "name": "",
        "description": "d" * 5001,
        "status": "ACTIVE",
        "budget": "0",
        "deadline": "3000-01-01",
    }
    return "projects.create", values, await _owner(shop), None


async def create_project_too_late(shop: Shop) -> Case:
    values = {"name": "Late", "deadline": "2020-02-29"}
    return "projects.create", values, await _owner(shop), None


async def create_upload_all_bad(shop: Shop) -> Case:
    values = {
        "purpose": "AVATAR",
        "filename": " ",
        "contentType": "image/svg+xml",
        "size": 10 * 1024 * 1024 + 1,
        "sha256": "A" * 64,
    }
    return "uploads.create", values, await _owner(shop), None


async def create_upload_beyond_quota(shop: Shop) -> Case:
    owner = await _owner(shop)
    await shop.spend_uploads(owner)
    return "uploads.create", {"purpose": "AVATAR", **declared(picture())}, owner, None


async def upload_of_another(shop: Shop) -> Case:
    upload = await shop.upload(await _owner(shop))
    return "uploads.get", {"id": upload.id}, await _owner(shop), None


async def set_avatar_of_another_purpose(shop: Shop) -> Case:
    owner = await _owner(shop)
    upload = await shop.upload(owner, "PRODUCT_IMAGE")
    return "users.setAvatar", {"uploadId": upload.id}, owner, None


async def set_avatar_too_early(shop: Shop) -> Case:
    owner = await _owner(shop)
    upload = await shop.upload(owner, sent=False)
    return "users.setAvatar", {"uploadId": upload.id}, owner, None


async def set_image_of_no_picture(shop: Shop) -> Case:
    manager = await shop.person("MANAGER")
    upload = await shop.upload(manager, "PRODUCT_IMAGE", b"<svg/>")
    values = {"id": (await shop.product()).id, "uploadId": upload.id}
    return "products.setImage", values, manager, None


async def remove_image_of_nothing(shop: Shop) -> Case:
    return "products.removeImage", {"id": UNKNOWN}, await shop.person("MANAGER"), None


async def events_of_another_epoch(shop: Shop) -> Case:
    cursor = shop.process.log_cursors.write(NOWHERE, 1)
    return "events.list", {"after": cursor}, await _owner(shop), None


async def events_all_bad(shop: Shop) -> Case:
    values = {"types": ["order.eaten"], "subject": "nonsense", "first": 0}
    return "events.list", values, await _owner(shop), None


async def job_missing(shop: Shop) -> Case:
    values = {"id": new_id(shop.process.clock())}
    return "jobs.get", values, await shop.person("ADMIN"), None


async def job_discard_missing(shop: Shop) -> Case:
    return "jobs.discard", {"id": "nonsense"}, await shop.person("ADMIN"), None


async def job_retry_waiting(shop: Shop) -> Case:
    id = await shop.failed_job()
    await shop.execute("UPDATE jobs SET status = 'queued' WHERE dedupe_key = $1", id)
    return "jobs.retry", {"id": id}, await shop.person("ADMIN"), None


#: Every bad call and the code it must have.
BAD_CALLS: dict[Build, str] = {
    register_taken: "EMAIL_TAKEN",
    register_taken_name: "USERNAME_TAKEN",
    register_all_bad: "VALIDATION_FAILED",
    login_wrong: "INVALID_CREDENTIALS",
    login_disabled: "ACCOUNT_DISABLED",
    login_bad: "VALIDATION_FAILED",
    refresh_unknown: "REFRESH_TOKEN_INVALID",
    refresh_used: "REFRESH_TOKEN_USED",
    refresh_bad: "VALIDATION_FAILED",
    logout_bad: "VALIDATION_FAILED",
    request_reset_bad: "VALIDATION_FAILED",
    reset_all_bad: "VALIDATION_FAILED",
    reset_unknown: "TOKEN_INVALID",
    verify_unknown: "TOKEN_INVALID",
    verify_taken: "EMAIL_TAKEN",
    log_out_everywhere_nobody: "UNAUTHENTICATED",
    sessions_bad_page: "VALIDATION_FAILED",
    session_of_another: "SESSION_NOT_FOUND",
    create_key_all_bad: "VALIDATION_FAILED",
    create_key_beyond_role: "VALIDATION_FAILED",
    create_key_by_key: "FORBIDDEN",
    key_of_another: "API_KEY_NOT_FOUND",
    me_nobody: "UNAUTHENTICATED",
    update_me_all_bad: "VALIDATION_FAILED",
    update_me_empty: "VALIDATION_FAILED",
    update_me_taken: "EMAIL_TAKEN",
    update_me_without_password: "VALIDATION_FAILED",
    update_me_password_alone: "VALIDATION_FAILED",
    update_me_wrong_password: "INVALID_CREDENTIALS",
    change_password_wrong: "INVALID_CREDENTIALS",
    delete_me_with_money: "ACCOUNT_NOT_EMPTY",
    users_bad_filters: "VALIDATION_FAILED",
    user_unknown: "USER_NOT_FOUND",
    create_user_all_bad: "VALIDATION_FAILED",
    update_user_empty: "VALIDATION_FAILED",
    update_user_last_admin: "LAST_ADMIN",
    revoke_sessions_forbidden: "FORBIDDEN",
    categories_conflict: "VALIDATION_FAILED",
    category_unknown: "CATEGORY_NOT_FOUND",
    create_category_all_bad: "VALIDATION_FAILED",
    create_category_taken: "SLUG_TAKEN",
    update_category_taken: "SLUG_TAKEN",
    update_category_empty: "VALIDATION_FAILED",
    delete_category_in_use: "CATEGORY_IN_USE",
    delete_category_forbidden: "FORBIDDEN",
    products_all_bad: "VALIDATION_FAILED",
    products_senseless: "VALIDATION_FAILED",
    products_relevance: "VALIDATION_FAILED",
    products_foreign_cursor: "VALIDATION_FAILED",
    product_malformed: "PRODUCT_NOT_FOUND",
    create_product_all_bad: "VALIDATION_FAILED",
    create_product_bad_key: "VALIDATION_FAILED",
    create_product_nowhere: "CATEGORY_NOT_FOUND",
    create_product_forbidden: "FORBIDDEN",
    update_product_all_bad: "VALIDATION_FAILED",
    update_product_nowhere: "CATEGORY_NOT_FOUND",
    update_product_that_only_admins_archive: "FORBIDDEN",
    archive_product_unknown: "PRODUCT_NOT_FOUND",
    adjust_stock_both_ways: "VALIDATION_FAILED",
    adjust_stock_without_key: "IDEMPOTENCY_KEY_REQUIRED",
    adjust_stock_below_none: "OUT_OF_STOCK",
    adjust_stock_that_changed: "STOCK_CHANGED",
    entries_bad_page: "VALIDATION_FAILED",
    wallet_nobody: "UNAUTHENTICATED",
    deposit_without_key: "IDEMPOTENCY_KEY_REQUIRED",
    deposit_bad: "VALIDATION_FAILED",
    deposit_of_another: "DEPOSIT_NOT_FOUND",
    order_all_bad: "VALIDATION_FAILED",
    order_repeated: "VALIDATION_FAILED",
    order_unknown_product: "PRODUCT_NOT_FOUND",
    order_too_much: "OUT_OF_STOCK",
    order_too_dear: "INSUFFICIENT_FUNDS",
    order_beyond_all: "VALIDATION_FAILED",
    orders_bad_filters: "VALIDATION_FAILED",
    orders_backwards: "VALIDATION_FAILED",
    order_of_another: "ORDER_NOT_FOUND",
    history_of_another: "ORDER_NOT_FOUND",
    history_bad_page: "VALIDATION_FAILED",
    pay_unknown: "ORDER_NOT_FOUND",
    pay_twice: "ORDER_STATUS_INVALID",
    refund_too_much: "REFUND_EXCEEDS_PAYMENT",
    refund_too_many: "REFUND_EXCEEDS_PAYMENT",
    refund_otherwise_than_expected: "REFUND_CHANGED",
    pay_without_money: "INSUFFICIENT_FUNDS",
    pay_for_another: "FORBIDDEN",
    pay_without_key: "IDEMPOTENCY_KEY_REQUIRED",
    pay_with_key_of_another_call: "IDEMPOTENCY_KEY_REUSED",
    cancel_twice: "ORDER_STATUS_INVALID",
    cancel_bad_reason: "VALIDATION_FAILED",
    pdf_too_early: "INVOICE_NOT_READY",
    quote_unknown: "PRODUCT_NOT_FOUND",
    confirm_unpaid: "ORDER_STATUS_INVALID",
    track_too_early: "VALIDATION_FAILED",
    approve_small: "ORDER_STATUS_INVALID",
    approve_own: "SELF_APPROVAL",
    reject_unknown: "ORDER_NOT_FOUND",
    payment_unknown: "PAYMENT_NOT_FOUND",
    invoice_unknown: "INVOICE_NOT_FOUND",
    invoice_of_another: "INVOICE_NOT_FOUND",
    coupon_unknown: "COUPON_NOT_FOUND",
    coupons_bad_filters: "VALIDATION_FAILED",
    create_coupon_all_bad: "VALIDATION_FAILED",
    create_coupon_senseless: "VALIDATION_FAILED",
    create_coupon_taken: "COUPON_CODE_TAKEN",
    update_coupon_empty: "VALIDATION_FAILED",
    update_coupon_frozen: "COUPON_FROZEN",
    deactivate_coupon_forbidden: "FORBIDDEN",
    check_coupon_bad: "VALIDATION_FAILED",
    check_coupon_unknown: "COUPON_INVALID",
    check_coupon_ended: "COUPON_EXPIRED",
    check_coupon_exhausted: "COUPON_EXHAUSTED",
    audit_forbidden: "FORBIDDEN",
    audit_bad_filters: "VALIDATION_FAILED",
    post_that_is_a_draft: "POST_NOT_FOUND",
    create_post_all_bad: "VALIDATION_FAILED",
    posts_by_relevance_alone: "VALIDATION_FAILED",
    popular_posts_too_many: "VALIDATION_FAILED",
    update_post_of_another: "FORBIDDEN",
    publish_unpublished: "POST_STATUS_INVALID",
    unpublish_draft: "POST_STATUS_INVALID",
    comments_of_nothing: "POST_NOT_FOUND",
    reply_to_reply: "COMMENT_TOO_DEEP",
    reply_elsewhere: "COMMENT_NOT_FOUND",
    restore_visible_comment: "COMMENT_STATUS_INVALID",
    project_of_another: "PROJECT_NOT_FOUND",
    create_project_all_bad: "VALIDATION_FAILED",
    create_project_too_late: "VALIDATION_FAILED",
    create_upload_all_bad: "VALIDATION_FAILED",
    create_upload_beyond_quota: "UPLOAD_QUOTA_SPENT",
    upload_of_another: "UPLOAD_NOT_FOUND",
    set_avatar_of_another_purpose: "UPLOAD_NOT_FOUND",
    set_avatar_too_early: "UPLOAD_NOT_READY",
    set_image_of_no_picture: "IMAGE_INVALID",
    remove_image_of_nothing: "PRODUCT_NOT_FOUND",
    events_of_another_epoch: "EVENTS_GONE",
    events_all_bad: "VALIDATION_FAILED",
    job_missing: "JOB_NOT_FOUND",
    job_discard_missing: "JOB_NOT_FOUND",
    job_retry_waiting: "JOB_STATUS_INVALID",
}
#: Codes that no bad call of this file can bring about: faults of ours, and refusals of a face.
ELSEWHERE = {
    "MALFORMED_REQUEST",
    "QUERY_TOO_COMPLEX",
    "PERSISTED_QUERY_NOT_FOUND",
    "STREAM_TOO_SLOW",
    "TOKEN_EXPIRED",
    "TOKEN_REVOKED",
    "ROUTE_NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "NOT_ACCEPTABLE",
    "REQUEST_TIMEOUT",
    "PAYLOAD_TOO_LARGE",
    "REQUEST_HEADERS_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "RATE_LIMITED",
    "INTERNAL",
    "UNAVAILABLE",
    "TIMEOUT",
    "IDEMPOTENCY_KEY_IN_USE",
    "PRECONDITION_FAILED",
    "SIGNATURE_INVALID",
    "UPLOAD_MISMATCH",
}


@pytest.mark.parametrize("build", BAD_CALLS, ids=lambda build: build.__name__)
async def test_a_bad_call_gets_the_same_refusal_on_every_face(
    faces: dict[str, Door], shop: Shop, build: Build
) -> None:
    operation, values, caller, key = await build(shop)
    async with shop.unchanged():
        expected = await Service(shop).call(operation, values, caller=caller, key=key)
        found = {
            name: await face.call(operation, values, caller=caller, key=key)
            for name, face in faces.items()
        }
    assert expected.code == BAD_CALLS[build]
    assert expected.status == CATALOGUE[expected.code].status
    for name, outcome in found.items():
        assert outcome.error == expected.error, name
        assert outcome.status == expected.status, name


def test_every_code_of_the_catalogue_is_brought_about() -> None:
    assert set(BAD_CALLS.values()) | ELSEWHERE == set(CATALOGUE)


#: Calls that a typed contract already refuses: GraphQL may name one bad field at a time.
MISTYPED: list[tuple[str, dict[str, Any], str, str]] = [
    ("auth.login", {"email": "a@example.com"}, "password", "REQUIRED"),
    ("auth.login", {"email": "a@example.com", "password": None}, "password", "REQUIRED"),
    ("auth.login", {"email": 5, "password": PASSWORD}, "email", "INVALID_TYPE"),
    (
        "auth.login",
        {"email": "a@example.com", "password": PASSWORD, "surprise": 1},
        "surprise",
        "UNKNOWN_FIELD",
    ),
    ("deposits.create", {"amount": True}, "amount", "INVALID_TYPE"),
    ("deposits.create", {"amount": {}}, "amount", "INVALID_TYPE"),
    ("deposits.create", {"amount": None}, "amount", "REQUIRED"),
    ("orders.create", {}, "lines", "REQUIRED"),
    ("orders.create", {"lines": [{"productId": UNKNOWN}]}, "lines.0.quantity", "REQUIRED"),
    (
        "orders.create",
        {"lines": [{"productId": UNKNOWN, "quantity": "2"}]},
        "lines.0.quantity",
        "INVALID_TYPE",
    ),
    (
        "orders.create",
        {"lines": [{"productId": UNKNOWN, "quantity": 1.5}]},
        "lines.0.quantity",
        "INVALID_TYPE",
    ),
    (
        "orders.create",
        {"lines": [{"productId": UNKNOWN, "quantity": 99_999_999_999}]},
        "lines.0.quantity",
        "TOO_LARGE",
    ),
    ("products.list", {"first": 99_999_999_999}, "first", "TOO_LARGE"),
    ("products.list", {"first": -99_999_999_999}, "first", "TOO_SMALL"),
    (
        "orders.create",
        {"lines": [{"productId": UNKNOWN, "quantity": 1, "price": "1"}]},
        "lines.0.price",
        "UNKNOWN_FIELD",
    ),
    ("orders.list", {"status": "LOST"}, "status", "INVALID_CHOICE"),
    ("orders.list", {"sort": "colour"}, "sort", "INVALID_CHOICE"),
    ("orders.list", {"colour": "red"}, "colour", "UNKNOWN_FIELD"),
    ("products.list", {"inStock": "maybe"}, "inStock", "INVALID_TYPE"),
    ("products.list", {"first": "many"}, "first", "INVALID_TYPE"),
    ("users.me", {"colour": "red"}, "colour", "UNKNOWN_FIELD"),
]


@pytest.mark.parametrize(
    ("operation", "values", "field", "code"),
    MISTYPED,
    ids=[f"{case[0]}-{case[2]}-{case[3]}" for case in MISTYPED],
)
async def test_what_is_not_of_the_declared_type_is_a_bad_field_everywhere(
    door: Door, shop: Shop, operation: str, values: dict[str, Any], field: str, code: str
) -> None:
    caller, key = await shop.person(), None
    if operation == "deposits.create":
        key = new_key()
    async with shop.unchanged():
        outcome = await door.call(operation, values, caller=caller, key=key)
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == {field: code}


#: Calls of which a typed contract finds the values wrong, and who makes them: what is wrong before
#: that is told, as GraphQL looks at values first of all.
TOLD_BEFORE: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("orders.create", {"lines": 5}, None, "UNAUTHENTICATED"),
    ("orders.list", {"first": "many"}, None, "UNAUTHENTICATED"),
    ("orders.create", {"lines": 5}, "nonsense", "UNAUTHENTICATED"),
    ("products.list", {"first": "many"}, "nonsense", "UNAUTHENTICATED"),
    ("auth.login", {"email": 5}, "nonsense", "VALIDATION_FAILED"),
    ("products.create", {"name": 5}, "USER", "FORBIDDEN"),
    ("categories.create", {"surprise": 1}, "USER", "FORBIDDEN"),
    ("users.list", {"first": "many"}, "MANAGER", "FORBIDDEN"),
    ("deposits.create", {"amount": True}, "USER", "IDEMPOTENCY_KEY_REQUIRED"),
    ("orders.pay", {"id": UNKNOWN, "surprise": 1}, "USER", "IDEMPOTENCY_KEY_REQUIRED"),
]


@pytest.mark.parametrize(
    ("operation", "values", "who", "code"),
    TOLD_BEFORE,
    ids=[f"{case[0]}-{case[2]}" for case in TOLD_BEFORE],
)
async def test_wrong_values_are_told_after_who_calls_their_role_and_the_missing_key(
    door: Door, shop: Shop, operation: str, values: dict[str, Any], who: str | None, code: str
) -> None:
    caller = await shop.person(who) if who and who.isupper() else who
    async with shop.unchanged():
        outcome = await door.call(operation, values, caller=caller)
    assert (outcome.code, outcome.status) == (code, CATALOGUE[code].status)


async def test_an_undeclared_error_is_a_fault_of_ours(shop: Shop) -> None:
    async def run(*_: object) -> None:
        raise OrderNotFound

    careless = replace(orders.list_, run=run)
    with pytest.raises(Internal):
        await careless(shop.request(await shop.person()))


@pytest.mark.parametrize("code", ["INSUFFICIENT_FUNDS", "OUT_OF_STOCK"])
def test_the_hint_of_what_may_go_well_later_names_a_new_key(code: str) -> None:
    """The same key repeats the stored error."""
    assert "new `Idempotency-Key`" in CATALOGUE[code].hint


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_error_says_what_it_is_and_what_to_do(code: str) -> None:
    error = CATALOGUE[code]
    assert error.title.endswith(".")
    assert error.hint.endswith(".")
    assert 400 <= error.status < 600
