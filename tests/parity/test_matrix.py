"""Who may do what, on every door.

The table is written by hand from the design, not derived from the declarations: a declaration
that is wrong differs from it.
"""

import pytest

from services.catalogue import OPERATIONS
from tests.faces import DOCUMENTS, Door
from tests.shop import Clock, Person, Shop, good_call

ROLES = ("anonymous", "owner", "stranger", "moderator", "manager", "admin")
NOBODY = "UNAUTHENTICATED"
NO = "FORBIDDEN"

PUBLIC = ("OK", "OK", "OK", "OK", "OK", "OK")
SIGNED_IN = (NOBODY, "OK", "OK", "OK", "OK", "OK")
MODERATORS = (NOBODY, NO, NO, "OK", "OK", "OK")
MANAGERS = (NOBODY, NO, NO, NO, "OK", "OK")
ADMINS = (NOBODY, NO, NO, NO, NO, "OK")


def owner_or_manager(hidden: str) -> tuple[str, ...]:
    return (NOBODY, "OK", hidden, hidden, "OK", "OK")


#: Of what belongs to "owner", where it belongs to anybody.
EXPECTED: dict[str, tuple[str, ...]] = {
    "auth.register": PUBLIC,
    "auth.login": PUBLIC,
    "auth.refresh": PUBLIC,
    "auth.logout": PUBLIC,
    "auth.logoutEverywhere": SIGNED_IN,
    "auth.requestPasswordReset": PUBLIC,
    "auth.resendVerification": SIGNED_IN,
    "auth.resetPassword": PUBLIC,
    "auth.verifyEmail": PUBLIC,
    "sessions.list": SIGNED_IN,
    "sessions.revoke": (NOBODY, "OK", *["SESSION_NOT_FOUND"] * 4),
    "apiKeys.list": SIGNED_IN,
    "apiKeys.create": SIGNED_IN,
    "apiKeys.revoke": (NOBODY, "OK", *["API_KEY_NOT_FOUND"] * 4),
    "users.me": SIGNED_IN,
    "users.updateMe": SIGNED_IN,
    # The upload is the owner's: nobody else may use it, and a manager uploads pictures of products.
    "users.setAvatar": (NOBODY, "OK", *["UPLOAD_NOT_FOUND"] * 4),
    "users.removeAvatar": SIGNED_IN,
    "users.changePassword": SIGNED_IN,
    "users.deleteMe": SIGNED_IN,
    "users.export": SIGNED_IN,
    "users.list": ADMINS,
    "users.get": SIGNED_IN,
    "users.create": ADMINS,
    "users.update": ADMINS,
    "users.revokeSessions": ADMINS,
    "categories.list": PUBLIC,
    "categories.get": PUBLIC,
    "categories.create": MANAGERS,
    "categories.update": MANAGERS,
    "categories.delete": ADMINS,
    "products.list": PUBLIC,
    "products.get": PUBLIC,
    "products.create": MANAGERS,
    "products.update": MANAGERS,
    "products.archive": ADMINS,
    "products.adjustStock": MANAGERS,
    "products.export": MANAGERS,
    "products.setImage": (NOBODY, NO, NO, NO, *["UPLOAD_NOT_FOUND"] * 2),
    "products.removeImage": MANAGERS,
    "wallet.get": SIGNED_IN,
    "wallet.entries": SIGNED_IN,
    "deposits.create": SIGNED_IN,
    "deposits.list": SIGNED_IN,
    "deposits.get": (NOBODY, "OK", *["DEPOSIT_NOT_FOUND"] * 4),
    "orders.quote": SIGNED_IN,
    "orders.create": SIGNED_IN,
    "orders.get": owner_or_manager("ORDER_NOT_FOUND"),
    "orders.list": SIGNED_IN,
    "orders.history": owner_or_manager("ORDER_NOT_FOUND"),
    "orders.pay": (NOBODY, "OK", "ORDER_NOT_FOUND", "ORDER_NOT_FOUND", NO, NO),
    "orders.cancel": owner_or_manager("ORDER_NOT_FOUND"),
    "orders.listAll": MANAGERS,
    "orders.updateStatus": MANAGERS,
    "orders.refund": MANAGERS,
    "approvals.list": MANAGERS,
    "approvals.approve": MANAGERS,
    "approvals.reject": MANAGERS,
    "payments.list": SIGNED_IN,
    "payments.get": owner_or_manager("PAYMENT_NOT_FOUND"),
    "invoices.get": owner_or_manager("INVOICE_NOT_FOUND"),
    "invoices.pdf": owner_or_manager("INVOICE_NOT_FOUND"),
    "refunds.list": owner_or_manager("ORDER_NOT_FOUND"),
    "coupons.list": MANAGERS,
    "coupons.get": MANAGERS,
    "coupons.create": MANAGERS,
    "coupons.update": MANAGERS,
    "coupons.deactivate": MANAGERS,
    "coupons.check": SIGNED_IN,
    "posts.list": PUBLIC,
    "posts.listMine": SIGNED_IN,
    "posts.popular": PUBLIC,
    "posts.get": PUBLIC,
    "posts.create": SIGNED_IN,
    # These, and comments.update and comments.delete, are about a draft.
    "posts.update": (NOBODY, "OK", "POST_NOT_FOUND", NO, NO, "OK"),
    "posts.delete": (NOBODY, "OK", "POST_NOT_FOUND", NO, NO, "OK"),
    "posts.unpublish": MODERATORS,
    "posts.restore": MODERATORS,
    "posts.like": SIGNED_IN,
    "posts.unlike": SIGNED_IN,
    "comments.list": PUBLIC,
    "comments.replies": PUBLIC,
    "comments.get": PUBLIC,
    "comments.create": SIGNED_IN,
    "comments.update": (NOBODY, "OK", "COMMENT_NOT_FOUND", NO, NO, NO),
    "comments.delete": (NOBODY, "OK", "COMMENT_NOT_FOUND", NO, NO, NO),
    "comments.remove": MODERATORS,
    "comments.restore": MODERATORS,
    "projects.list": SIGNED_IN,
    "projects.get": (NOBODY, "OK", *["PROJECT_NOT_FOUND"] * 3, "OK"),
    "projects.create": SIGNED_IN,
    "projects.update": (NOBODY, "OK", *["PROJECT_NOT_FOUND"] * 3, NO),
    "projects.delete": (NOBODY, "OK", *["PROJECT_NOT_FOUND"] * 3, NO),
    "reports.transactions": MANAGERS,
    "reports.exportTransactions": MANAGERS,
    "reports.sales": MANAGERS,
    "uploads.create": SIGNED_IN,
    "uploads.get": (NOBODY, "OK", *["UPLOAD_NOT_FOUND"] * 4),
    "events.list": SIGNED_IN,
    "events.stream": SIGNED_IN,
    "eventTypes.list": PUBLIC,
    "audit.list": ADMINS,
    "audit.head": ADMINS,
    "audit.verify": ADMINS,
    "jobs.list": ADMINS,
    "jobs.get": ADMINS,
    "jobs.retry": ADMINS,
    "jobs.discard": ADMINS,
}
#: Operations that take no notice of a token.
DEAF = {
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "auth.requestPasswordReset",
    "auth.resetPassword",
    "auth.verifyEmail",
}
STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "TOKEN_REVOKED": 401, "TOKEN_EXPIRED": 401}


def test_the_table_has_every_operation() -> None:
    assert list(EXPECTED) == [operation.name for operation in OPERATIONS]
    assert all(len(row) == len(ROLES) for row in EXPECTED.values())


async def person_of(
    shop: Shop, role: str, owner: Person, balance: str | None = "100.00"
) -> Person | None:
    if role == "anonymous":
        return None
    if role == "owner":
        return owner
    rank = "USER" if role == "stranger" else role.upper()
    return await shop.person(rank, balance=balance)


@pytest.mark.parametrize("operation", EXPECTED)
async def test_each_role_may_do_what_the_table_says(door: Door, shop: Shop, operation: str) -> None:
    # Whoever has money cannot delete their account.
    poor = operation == "users.deleteMe"
    owner = await shop.person(balance=None if poor else "1000.00")
    found = []
    for role, expected in zip(ROLES, EXPECTED[operation], strict=True):
        caller = await person_of(shop, role, owner, None if poor else "100.00")
        values, key = await good_call(shop, operation, owner)
        # Looking at every table takes longer than the call: only where nothing may change.
        before = None if expected == "OK" else await shop.digest()
        outcome = await door.call(operation, values, caller=caller, key=key)
        found.append(outcome.code)
        if before is not None:
            assert await shop.digest() == before, role
            assert outcome.status == STATUS.get(expected, 404)
    assert dict(zip(ROLES, found, strict=True)) == dict(
        zip(ROLES, EXPECTED[operation], strict=True)
    )


@pytest.mark.parametrize("operation", EXPECTED)
async def test_a_bad_token_is_refused_by_every_operation(
    door: Door, shop: Shop, operation: str, clock: Clock
) -> None:
    owner = await shop.person("ADMIN", balance="1000.00")
    revoked = await shop.person("ADMIN")
    await shop.revoke(revoked)
    values, key = await good_call(shop, operation, owner)
    clock.forward(minutes=-16)
    expired = shop.process.tokens.issue(owner.id, owner.session_id, "ADMIN", clock())
    clock.forward(minutes=16)
    expectations = (
        ("rubbish", "UNAUTHENTICATED"),
        (expired, "TOKEN_EXPIRED"),
        (revoked.token, "TOKEN_REVOKED"),
    )
    for token, code in expectations:
        if operation in DEAF:
            values, key = await good_call(shop, operation, owner)
            assert (await door.call(operation, values, caller=token)).error is None
            continue
        async with shop.unchanged():
            outcome = await door.call(operation, values, caller=token, key=key)
        assert (outcome.code, outcome.status) == (code, 401)


#: Calls that are well typed and say nothing good.
BAD = {
    "auth.register": {"email": "", "username": "", "password": "", "fullName": ""},
    "auth.login": {"email": "", "password": ""},
    "auth.refresh": {"refreshToken": ""},
    "auth.logout": {"refreshToken": ""},
    "auth.requestPasswordReset": {"email": ""},
    "auth.resetPassword": {"token": "", "newPassword": ""},
    "auth.verifyEmail": {"token": ""},
    "apiKeys.create": {"name": "", "permissions": []},
    "users.updateMe": {"username": ""},
    "users.changePassword": {"currentPassword": "", "newPassword": ""},
    "users.deleteMe": {"password": ""},
    "users.create": {"email": "", "username": "", "password": "", "fullName": "", "role": "USER"},
    "users.update": {"id": "nonsense", "username": ""},
    "categories.create": {"slug": "", "name": ""},
    "categories.update": {"id": "nonsense", "slug": ""},
    "products.update": {"id": "nonsense", "price": "0"},
    "products.adjustStock": {"id": "nonsense", "delta": 0},
    "products.create": {"name": "", "price": "0", "categoryId": "nonsense"},
    "deposits.create": {"amount": "0"},
    "orders.quote": {"lines": []},
    "orders.create": {"lines": []},
    "orders.cancel": {"id": "nonsense", "reason": ""},
    "coupons.create": {"code": "", "kind": "PERCENT", "value": "0"},
    "coupons.update": {"id": "nonsense", "code": ""},
    "coupons.check": {"code": "", "subtotal": "0"},
    "posts.create": {"title": "", "content": "", "category": "HEALTH"},
    "posts.update": {"id": "nonsense", "title": ""},
    "posts.unpublish": {"id": "nonsense", "reason": ""},
    "comments.create": {"id": "nonsense", "content": ""},
    "comments.update": {"id": "nonsense", "content": ""},
    "comments.remove": {"id": "nonsense", "reason": ""},
    "projects.create": {"name": "", "budget": "0"},
    "projects.update": {"id": "nonsense", "name": ""},
    "audit.verify": {"startPosition": 0},
    "products.export": {"minPrice": "-1"},
    "reports.exportTransactions": {"afterId": "nonsense"},
    "reports.sales": {"from": "nonsense", "to": "nonsense"},
    "orders.refund": {"id": "nonsense", "amount": "0"},
    "orders.updateStatus": {"id": "nonsense", "status": "PAID", "trackingCode": ""},
    "approvals.approve": {"id": "nonsense", "note": ""},
    "approvals.reject": {"id": "nonsense", "note": ""},
}


#: Writes that take nothing: there is no bad call of them.
TAKES_NOTHING = {"auth.logoutEverywhere", "auth.resendVerification"}


@pytest.mark.parametrize("operation", EXPECTED)
async def test_token_and_role_are_looked_at_before_the_input(
    door: Door, shop: Shop, operation: str, user: Person
) -> None:
    """Who may not call learns nothing about what a good call would be."""
    values = BAD.get(operation, {"id": "nonsense"} if "id" in _takes(operation) else {"first": 0})
    if not values.keys() & _takes(operation):
        values = {}
    anonymous, signed_in = EXPECTED[operation][0], EXPECTED[operation][2]
    async with shop.unchanged():
        outcome = await door.call(operation, values)
        assert (outcome.code == NOBODY) == (anonymous == NOBODY)
        if values and "id" not in values and anonymous == "OK":
            assert outcome.code == "VALIDATION_FAILED"
        if operation in TAKES_NOTHING:
            return
        outcome = await door.call(operation, values, caller=user)
        assert (outcome.code == NO) == (signed_in == NO)


def _takes(operation: str) -> set[str]:
    document = DOCUMENTS[operation]
    taken = {*document.takes, *document.under_takes}
    return taken | set(BAD.get(operation, {}))
