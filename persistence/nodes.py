"""Any visible thing by its id, whatever its kind, in one statement."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.visitors import replacement_traverse

from persistence.api_keys import API_KEY
from persistence.audit.entries import AUDIT_ENTRY
from persistence.categories import CATEGORY
from persistence.comments.views import COMMENT
from persistence.coupons.views import COUPON
from persistence.database.columns import Instant, Json, Money
from persistence.database.statements import Query, among
from persistence.database.views import View
from persistence.deposits import DEPOSIT
from persistence.invoices.views import INVOICE
from persistence.jobs.views import JOB
from persistence.orders.history import ORDER_EVENT
from persistence.orders.views import ORDER
from persistence.payments import PAYMENT
from persistence.posts.views import POST
from persistence.products.views import PRODUCT
from persistence.projects import PROJECT
from persistence.refunds import REFUND
from persistence.reports.transactions import TRANSACTION
from persistence.sessions.views import SESSION_VIEW
from persistence.uploads.views import UPLOAD
from persistence.users.views import PUBLIC_USER, USER
from persistence.wallet import WALLET, WALLET_ENTRY

# An id may find a user in two views: the account, for those who may see it, and the public side.
_VIEWS: tuple[View[Any], ...] = (
    CATEGORY,
    PRODUCT,
    ORDER,
    ORDER_EVENT,
    PAYMENT,
    INVOICE,
    COUPON,
    REFUND,
    POST,
    COMMENT,
    PROJECT,
    UPLOAD,
    DEPOSIT,
    WALLET,
    WALLET_ENTRY,
    TRANSACTION,
    AUDIT_ENTRY,
    JOB,
    PUBLIC_USER,
    USER,
    SESSION_VIEW,
    API_KEY,
)
_BY_NAME = {view.name: view for view in _VIEWS}


def _reader(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """The function that reads a column's value from JSON; None where JSON has the value itself."""
    if kind is Money:
        return Decimal
    if isinstance(kind, sa.Date):
        return date.fromisoformat
    return datetime.fromisoformat if kind is Instant else None


_READERS = {view.name: [_reader(column.type) for column in view.selected] for view in _VIEWS}


#: The viewer's values that are given for each kind apart, as permissions are.
_BY_KIND = ("sees_all", "administers", "reads_own")


def value_name(name: str, kind: str) -> str:
    """The name of a viewer's value in `NODES` for one kind of thing."""
    return f"{name}_{kind}" if name in _BY_KIND else name


def _visible(view: View[Any]) -> Any:
    """Who may see a thing of the view, with values of its own name."""

    def renamed(element: Any, **_: Any) -> Any:
        if isinstance(element, sa.BindParameter) and element.key in _BY_KIND:
            return sa.bindparam(value_name(element.key, view.name), type_=element.type)
        return None

    return replacement_traverse(view.visible, {}, renamed)


def _branch(view: View[Any]) -> Any:
    # Rows of different kinds share one statement as JSON arrays. Money is written as text, to stay
    # exact; JSON columns are text too, as `View.row` decodes them.
    values = [
        sa.cast(column, sa.Text) if column.type is Money or type(column.type) is sa.JSON else column
        for column in view.selected
    ]
    return (
        sa.select(
            sa.literal_column(f"'{view.name}'"),
            view.id,
            sa.cast(sa.func.json_build_array(*values), Json),
        )
        .select_from(view.source)
        .where(among(view.id), _visible(view))
    )


def _node(kind: str, id: str, values: list[Any]) -> tuple[str, Any]:
    read = [
        value if reader is None or value is None else reader(value)
        for reader, value in zip(_READERS[kind], values, strict=True)
    ]
    return id, _BY_NAME[kind].row(*read)


#: Values: ids, and the viewer's values by `value_name`. Answers ``(id, thing)`` pairs.
NODES = Query(sa.union_all(*(_branch(view) for view in _VIEWS)), _node)
