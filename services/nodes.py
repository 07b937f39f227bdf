"""Anything by its id, as far as the caller may see it."""

from collections.abc import Sequence
from typing import Any

from persistence.nodes import NODES
from persistence.users.tables import Role
from persistence.users.views import PublicUser
from services.access.callers import Caller, viewer_values
from services.access.permissions import Permission
from services.errors.common import FieldError, ValidationFailed
from services.ids import parsed
from services.operation.context import Request

_MOST_IDS = 100
#: What a caller must hold to read a kind of thing, where not everybody may. One statement finds
#: all kinds, so an API key's findings are sifted here.
NEEDED = {
    "Order": Permission.ORDERS_READ_OWN,
    "OrderEvent": Permission.ORDERS_READ_OWN,
    "Payment": Permission.PAYMENTS_READ_OWN,
    "Invoice": Permission.INVOICES_READ_OWN,
    "Coupon": Permission.COUPONS_READ_ALL,
    "Refund": Permission.REFUNDS_READ_OWN,
    "Deposit": Permission.DEPOSITS_READ_OWN,
    "Wallet": Permission.WALLET_READ_OWN,
    "WalletEntry": Permission.WALLET_READ_OWN,
    "AuditEntry": Permission.AUDIT_READ_ALL,
    "Job": Permission.JOBS_READ_ALL,
    "User": Permission.ACCOUNT_READ_OWN,
    "PublicUser": Permission.USERS_READ_PUBLIC,
    "Session": Permission.SESSIONS_READ_OWN,
    "ApiKey": Permission.APIKEYS_READ_OWN,
}
#: What sees everybody's things of a kind: for managers, and for admins alone.
_READ_ALL = [permission for permission in Permission if permission.endswith(":read:all")]
_MANAGERS_READ_ALL = [permission for permission in _READ_ALL if permission.least is not Role.ADMIN]
_ADMINS_READ_ALL = [permission for permission in _READ_ALL if permission.least is Role.ADMIN]


async def by_ids(request: Request, ids: Sequence[str]) -> list[Any]:
    """The things in the order asked, None in place of what is unknown or not visible."""
    if len(ids) > _MOST_IDS:
        message = f"Give at most {_MOST_IDS}."
        raise ValidationFailed(fields=[FieldError("ids", "TOO_MANY", message)])
    wanted = [parsed(id) for id in ids]
    known = list({id for id in wanted if id is not None})
    found: dict[str, Any] = {}
    for id, thing in await request.reader.all(NODES, ids=known, **_viewer_values(request)):
        if _may_read(request.caller, thing):
            # A user may be found twice over: the whole account is more than its public side.
            found[id] = found.get(id, thing) if isinstance(thing, PublicUser) else thing
    return [found.get(id) if id is not None else None for id in wanted]


def _viewer_values(request: Request) -> dict[str, Any]:
    """Everybody's things are seen by who may see everybody's of every kind.

    One statement looks at all kinds, so a key that may see everybody's of some kinds sees its own.
    """
    caller = request.caller
    return {
        **viewer_values(caller, "", request.process.clock()),
        "sees_all": caller is not None and all(map(caller.may, _MANAGERS_READ_ALL)),
        "administers": caller is not None and all(map(caller.may, _ADMINS_READ_ALL)),
    }


def _may_read(caller: Caller | None, thing: Any) -> bool:
    needed = NEEDED.get(type(thing).__name__)
    return needed is None or (caller is not None and caller.may(needed))
