"""Helpers of tests about events: the events of every operation, and the log as callers read it."""

import re
from collections.abc import Mapping
from typing import Any

from tests.faces import Door
from tests.shop import Person, Shop

#: The events of each write's good call, in their order; written by hand.
EMITTED: Mapping[str, list[str]] = {
    "auth.register": ["user.created"],
    "auth.login": [],
    "auth.refresh": [],
    "auth.logout": [],
    "auth.logoutEverywhere": [],
    "auth.requestPasswordReset": [],
    "auth.resendVerification": [],
    "auth.resetPassword": ["user.updated"],
    "auth.verifyEmail": ["user.updated"],
    "sessions.revoke": [],
    "apiKeys.create": [],
    "apiKeys.revoke": [],
    "users.updateMe": ["user.updated"],
    "users.setAvatar": ["user.updated"],
    "users.removeAvatar": [],
    "users.changePassword": [],
    "users.deleteMe": ["user.deleted"],
    "users.create": ["user.created"],
    "users.update": ["user.updated"],
    "users.revokeSessions": [],
    "categories.create": ["category.created"],
    "categories.update": ["category.updated"],
    "categories.delete": ["category.deleted"],
    "products.create": ["product.created"],
    "products.update": ["product.updated"],
    "products.archive": ["product.archived"],
    "products.adjustStock": ["product.stockLow"],
    "products.setImage": ["product.updated"],
    "products.removeImage": [],
    "deposits.create": ["wallet.credited", "deposit.succeeded"],
    "orders.create": ["order.created"],
    "orders.pay": ["wallet.debited", "order.paid"],
    "orders.cancel": ["order.cancelled"],
    "orders.updateStatus": ["order.confirmed"],
    "orders.refund": ["wallet.credited", "order.refunded"],
    "approvals.approve": ["order.approved"],
    "approvals.reject": ["order.rejected"],
    "coupons.create": ["coupon.created"],
    "coupons.update": ["coupon.updated"],
    "coupons.deactivate": ["coupon.updated"],
    "posts.create": ["post.published"],
    "posts.update": ["post.updated"],
    "posts.delete": ["post.deleted"],
    "posts.unpublish": ["post.unpublished"],
    "posts.restore": ["post.published"],
    "posts.like": [],
    "posts.unlike": [],
    "comments.create": ["comment.created"],
    "comments.update": ["comment.updated"],
    "comments.delete": ["comment.deleted"],
    "comments.remove": ["comment.removed"],
    "comments.restore": ["comment.restored"],
    "projects.create": ["project.created"],
    "projects.update": ["project.updated"],
    "projects.delete": ["project.deleted"],
    "uploads.create": [],
    "jobs.retry": [],
    "jobs.discard": [],
}
#: Good calls that emit nothing, as nothing crosses a threshold; these do.
CROSSING = {"products.adjustStock": {"delta": -6}}

_CHANGING = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Za-z]*[0-9][0-9A-Za-z]*")


async def read_log(door: Door, caller: Person, **filters: Any) -> list[dict[str, Any]]:
    """All events that a caller hears, oldest first, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        values = {"first": 100, **filters, **after}
        outcome = await door.call("events.list", values, caller=caller)
        found += outcome.ok
        if not outcome.listed.has_next:
            return found
        after = {"after": outcome.listed.end}


async def emitted(shop: Shop, request_id: str) -> list[dict[str, Any]]:
    """The events of one request as the log holds them."""
    await shop.process.sequencer.run()
    return await shop.rows(
        "SELECT * FROM events WHERE request_id = $1 ORDER BY position", request_id
    )


def alike(value: Any) -> Any:
    """A value without what differs from one call to the next: ids, times, names and numbers."""
    if isinstance(value, dict):
        return {name: alike(item) for name, item in value.items()}
    if isinstance(value, list):
        return [alike(item) for item in value]
    return _CHANGING.sub("#", value) if isinstance(value, str) else value
