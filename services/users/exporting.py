"""The export of an account: everything that is kept of a person, as one JSON document."""

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from persistence.api_keys import API_KEYS
from persistence.audit.entries import AUDIT_LOG
from persistence.comments.views import OWN_COMMENTS
from persistence.database.listing import Listing, Window
from persistence.deposits import OWN_DEPOSITS
from persistence.invoices.views import INVOICE
from persistence.orders.views import OWN_ORDERS
from persistence.payments import OWN_PAYMENTS
from persistence.posts.statements import LIKED_BY
from persistence.posts.views import OWN_POSTS
from persistence.projects import PROJECTS
from persistence.refunds import REFUNDS
from persistence.sessions.views import SESSIONS
from persistence.uploads.views import OWN_UPLOADS
from persistence.users.views import USER
from persistence.wallet import ENTRIES, OF_USER
from services.access.permissions import Permission
from services.errors.common import Unauthenticated
from services.operation.context import Context
from services.operation.inputs import Nothing
from services.operation.operation import operation

#: Rows that are read at a time.
_AT_ONCE = 1000
_NEWEST = "-createdAt"


class PersonalData(Struct, frozen=True, rename="camel"):
    """Everything that is kept of a person."""

    exported_at: Annotated[datetime, Meta(description="When it was read.")]
    data: Annotated[
        dict[str, Any],
        Meta(
            description="The account, and lists of all that belongs to it, each thing as v2 of "
            "REST writes it: sessions, apiKeys, wallet, walletEntries, deposits, orders, payments, "
            "refunds, invoices, projects, posts, comments, likedPostIds, uploads, auditEntries."
        ),
    ]


class _Part(NamedTuple):
    """A list of the caller's own things."""

    listing: Listing[Any]
    filters: Mapping[str, Any] = {}


@operation(
    "users.export",
    who=Permission.ACCOUNT_EXPORT_OWN,
    input=Nothing,
    result=PersonalData,
    cost=50,
)
async def export(ctx: Context, _: Nothing) -> PersonalData:
    """Read everything that is kept of the caller, as one document.

    Drafts and removed comments are part of it with their texts. Secrets are not.
    """
    values = _own_values(ctx)
    [user] = await ctx.reader.all(USER.by_ids, ids=[ctx.user_id], **values) or [None]
    if user is None:
        raise Unauthenticated
    data: dict[str, Any] = {"account": user}
    parts = {
        "sessions": _Part(SESSIONS),
        "apiKeys": _Part(API_KEYS),
        "walletEntries": _Part(ENTRIES),
        "deposits": _Part(OWN_DEPOSITS),
        "orders": _Part(OWN_ORDERS),
        "payments": _Part(OWN_PAYMENTS),
        "projects": _Part(PROJECTS),
        "posts": _Part(OWN_POSTS),
        "comments": _Part(OWN_COMMENTS),
        "uploads": _Part(OWN_UPLOADS),
        "auditEntries": _Part(AUDIT_LOG, {"actorId": ctx.user_id}),
    }
    for name, part in parts.items():
        data[name] = await _every(ctx, part, values)
    [data["wallet"]] = await ctx.reader.all(OF_USER, **values) or [None]
    data["likedPostIds"] = await ctx.reader.all(LIKED_BY, user_id=ctx.user_id)
    data |= await _of_orders(ctx, data["orders"], values)
    return PersonalData(ctx.now, msgspec.to_builtins(data))


def _own_values(ctx: Context) -> dict[str, Any]:
    """The viewer's values of somebody who sees only what is theirs, whatever the role."""
    return {
        **ctx.viewer_values,
        "viewer": ctx.user_id,
        "sees_all": False,
        "administers": False,
        "reads_own": True,
    }


async def _every(ctx: Context, part: _Part, values: Mapping[str, Any]) -> list[Any]:
    """All rows of a list, newest first."""
    found: list[Any] = []
    position: tuple[Any, str] | None = None
    read = part.listing.sorts[_NEWEST].value
    assert read is not None
    while True:
        window = Window(_AT_ONCE, position)
        rows, _ = await part.listing.page(ctx.reader, _NEWEST, part.filters, window, **values)
        found += rows
        if len(rows) < _AT_ONCE:
            return found
        position = (read(rows[-1]), rows[-1].id)


async def _of_orders(
    ctx: Context, orders: list[Any], values: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """The refunds and the invoices of orders, credit notes included."""
    ids = [order.id for order in orders]
    pages = await REFUNDS.pages(ctx.reader, ids, _NEWEST, {}, Window(_AT_ONCE), **values)
    refunds = [refund for page in pages.values() for refund in page]
    papers = [order.invoice_id for order in orders] + [one.credit_note_id for one in refunds]
    known = [id for id in papers if id is not None]
    invoices = await ctx.reader.all(INVOICE.by_ids, ids=known, **values)
    newest = sorted(invoices, key=attrgetter("id"), reverse=True)
    return {"refunds": refunds, "invoices": newest}
