"""Load things of any kind by id, as far as the caller may see them."""

from collections.abc import Mapping, Sequence
from typing import Any

from persistence.nodes import NODES, value_name
from persistence.uploads.views import Upload
from persistence.users.views import PublicUser, User
from services import api_keys, categories, payments, projects, sessions, wallet
from services.access.callers import Caller
from services.access.permissions import Permission
from services.audit import reading as audit
from services.comments import reading as comments
from services.coupons import managing as coupons
from services.deposits import depositing as deposits
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.ids import parsed
from services.invoices import reading as invoices
from services.jobs import managing as jobs
from services.operation.context import Request, viewer_values_of
from services.operation.operation import Operation
from services.orders import reading as orders
from services.posts import reading as posts
from services.products import reading as products
from services.refunds import refunding as refunds
from services.reports import transactions
from services.uploads import reading as uploads
from services.users import reading as users

_MOST_IDS = 100
#: The operation that shows one thing of a kind, or lists them where none shows one. A caller sees
#: of a kind what this operation shows; an account is also shown to its owner by `users.me`.
SHOWN_BY: dict[str, Operation[Any, Any]] = {
    "Category": categories.get,
    "Product": products.get,
    "Order": orders.get,
    "OrderEvent": orders.history,
    "Payment": payments.get,
    "Invoice": invoices.get,
    "Coupon": coupons.get,
    "Refund": refunds.list_,
    "Post": posts.get,
    "Comment": comments.get,
    "Project": projects.get,
    "Upload": uploads.get,
    "Deposit": deposits.get,
    "Wallet": wallet.get,
    "WalletEntry": wallet.entries,
    "Transaction": transactions.list_,
    "AuditEntry": audit.list_,
    "Job": jobs.get,
    "User": users.get,
    "PublicUser": users.get,
    "Session": sessions.list_,
    "ApiKey": api_keys.list_,
}


async def by_ids(request: Request, ids: Sequence[str]) -> list[Any]:
    """Load things in the order of their ids, with None for an unknown or invisible one."""
    if len(ids) > _MOST_IDS:
        message = f"Give at most {_MOST_IDS}."
        raise ValidationFailed(fields=[FieldError("ids", "TOO_MANY", message)])
    wanted = [parsed(id) for id in ids]
    known = list({id for id in wanted if id is not None})
    found: dict[str, Any] = {}
    for id, thing in await request.reader.all(NODES, ids=known, **_viewer_values(request)):
        # One statement loads all kinds, so things that the caller may not read are removed here.
        if _may_read(request.caller, thing):
            # A user may be found twice. The whole account takes precedence over its public part.
            found[id] = found.get(id, thing) if isinstance(thing, PublicUser) else thing
    found |= await _whole_uploads(request, found)
    return [found.get(id) if id is not None else None for id in wanted]


async def _whole_uploads(request: Request, found: Mapping[str, Any]) -> dict[str, Upload]:
    """The uploads among things, with what the store and the quota add to them."""
    rows = [thing for thing in found.values() if isinstance(thing, Upload)]
    if not rows or request.caller is None:
        return {}
    owner_id = request.caller.user_id
    whole = await uploads.completed(request.process, request.reader, rows, owner_id)
    return {upload.id: upload for upload in whole}


def _viewer_values(request: Request) -> dict[str, Any]:
    """The viewer's values for every kind, each as the kind's own operation has them."""
    now = request.process.clock()
    return {
        value_name(name, kind): value
        for kind, op in SHOWN_BY.items()
        for name, value in viewer_values_of(op, request.caller, now).items()
    }


def _may_read(caller: Caller | None, thing: Any) -> bool:
    needs = SHOWN_BY[type(thing).__name__].needs
    if caller is None:
        return not needs
    if isinstance(thing, User):
        if thing.id == caller.user_id and caller.may(Permission.ACCOUNT_READ_OWN):
            return True
        needs = (*needs, Permission.USERS_READ_ALL)
    return all(map(caller.may, needs))
