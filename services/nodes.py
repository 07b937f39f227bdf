"""Load things of any kind by id, as far as the caller may see them."""

from collections.abc import Sequence
from typing import Any

from persistence.nodes import NODES
from persistence.users.tables import Role
from persistence.users.views import PublicUser
from services.access.callers import Caller, viewer_values
from services.access.permissions import Permission
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.ids import parsed
from services.operation.context import Request

_MOST_IDS = 100
#: The permission that a caller needs to read a kind of thing; kinds that are not here are public.
#: One statement loads all kinds, so the things that an API key may not read are removed here.
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
#: The permissions to read all things of a kind, of managers and of admins alone.
_READ_ALL = [permission for permission in Permission if permission.endswith(":read:all")]
_MANAGERS_READ_ALL = [permission for permission in _READ_ALL if permission.least is not Role.ADMIN]
_ADMINS_READ_ALL = [permission for permission in _READ_ALL if permission.least is Role.ADMIN]


async def by_ids(request: Request, ids: Sequence[str]) -> list[Any]:
    """Load things in the order of their ids, with None for an unknown or invisible one."""
    if len(ids) > _MOST_IDS:
        message = f"Give at most {_MOST_IDS}."
        raise ValidationFailed(fields=[FieldError("ids", "TOO_MANY", message)])
    wanted = [parsed(id) for id in ids]
    known = list({id for id in wanted if id is not None})
    found: dict[str, Any] = {}
    for id, thing in await request.reader.all(NODES, ids=known, **_viewer_values(request)):
        if _may_read(request.caller, thing):
            # A user may be found twice. The whole account takes precedence over its public part.
            found[id] = found.get(id, thing) if isinstance(thing, PublicUser) else thing
    return [found.get(id) if id is not None else None for id in wanted]


def _viewer_values(request: Request) -> dict[str, Any]:
    """The viewer values for all kinds at once.

    A caller sees the things of all users only with that permission for every kind, as one
    statement loads all kinds. An API key that has it for some kinds sees its user's own things.
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
