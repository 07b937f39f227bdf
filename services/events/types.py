"""The types of events. Payloads and types are only ever added: clients keep lists of them."""

from typing import Annotated

from msgspec import Meta, Struct


class EventType(Struct, frozen=True, rename="camel"):
    """A type of event: what happened, what it carries, and who hears it."""

    name: Annotated[str, Meta(description="The type's name, as events carry it.")]
    summary: Annotated[str, Meta(description="What happened.")]
    subject: Annotated[str, Meta(description="The kind of thing that `subject` is the id of.")]
    payload: Annotated[str, Meta(description="The type of `data`, as v2 of REST names it.")]
    heard_by: Annotated[str, Meta(description="Who hears it.")]


class Silent(Struct, frozen=True):
    """A decision that a write emits no event."""

    reason: str


def none(reason: str) -> Silent:
    """A write that emits nothing, and why."""
    return Silent(reason)


_BUYER = "The buyer; managers and up."
_EVERYBODY = "Everybody who is signed in."
_OWNER = "Its owner."
_AUTHOR = "Everybody who is signed in; of a draft its author, moderators and up."
_COMMENT = "Everybody who is signed in; on a draft the comment's author, moderators and up."
_ACCOUNT = "The user; admins."
_MANAGERS = "Managers and up."
_PROJECT = "Its owner; admins."


def _order(verb: str, summary: str) -> EventType:
    return EventType(f"order.{verb}", summary, "Order", "Order", _BUYER)


def _post(verb: str, summary: str, heard_by: str = _AUTHOR) -> EventType:
    return EventType(f"post.{verb}", summary, "Post", "Post", heard_by)


def _comment(verb: str, summary: str) -> EventType:
    return EventType(f"comment.{verb}", summary, "Comment", "Comment", _COMMENT)


ORDER_CREATED = _order("created", "An order was placed.")
ORDER_APPROVED = _order("approved", "A manager approved an order.")
ORDER_REJECTED = _order("rejected", "A manager rejected an order.")
ORDER_PAID = _order("paid", "An order was paid.")
ORDER_CONFIRMED = _order("confirmed", "The shop has started to work on an order.")
ORDER_SHIPPED = _order("shipped", "An order is on its way.")
ORDER_DELIVERED = _order("delivered", "An order has arrived.")
ORDER_CANCELLED = _order("cancelled", "An order was cancelled.")
ORDER_EXPIRED = _order("expired", "Nobody paid or approved an order in time.")
ORDER_REFUNDED = _order("refunded", "Some or all of an order's payment was given back.")

INVOICE_ISSUED = EventType(
    "invoice.issued", "The invoice of a paid order was issued.", "Invoice", "Invoice", _BUYER
)
CREDIT_NOTE_ISSUED = EventType(
    "creditNote.issued", "The credit note of a refund was issued.", "Invoice", "Invoice", _BUYER
)
WALLET_CREDITED = EventType(
    "wallet.credited", "Money came into a wallet.", "Wallet", "WalletEntry", _OWNER
)
WALLET_DEBITED = EventType(
    "wallet.debited", "Money went out of a wallet.", "Wallet", "WalletEntry", _OWNER
)
DEPOSIT_SUCCEEDED = EventType(
    "deposit.succeeded", "The payment provider has the money.", "Deposit", "Deposit", _OWNER
)
DEPOSIT_FAILED = EventType(
    "deposit.failed", "The payment provider declined a deposit.", "Deposit", "Deposit", _OWNER
)

PRODUCT_CREATED = EventType(
    "product.created", "A product was added.", "Product", "Product", _EVERYBODY
)
PRODUCT_UPDATED = EventType(
    "product.updated",
    "A product was changed or restored.",
    "Product",
    "Product",
    f"{_EVERYBODY[:-1]}; of an archived product managers and up.",
)
PRODUCT_ARCHIVED = EventType(
    "product.archived", "A product is no longer sold.", "Product", "Product", _EVERYBODY
)
PRODUCT_STOCK_LOW = EventType(
    "product.stockLow",
    "A product's stock fell to `TANDEM_LOW_STOCK` or below it.",
    "Product",
    "Product",
    _MANAGERS,
)
CATEGORY_CREATED = EventType(
    "category.created", "A category was added.", "Category", "Category", _EVERYBODY
)
CATEGORY_UPDATED = EventType(
    "category.updated", "A category was changed.", "Category", "Category", _EVERYBODY
)
CATEGORY_DELETED = EventType(
    "category.deleted", "A category was deleted.", "Category", "Category", _EVERYBODY
)
COUPON_CREATED = EventType("coupon.created", "A coupon was made.", "Coupon", "Coupon", _MANAGERS)
COUPON_UPDATED = EventType(
    "coupon.updated", "A coupon was changed or deactivated.", "Coupon", "Coupon", _MANAGERS
)

POST_CREATED = _post("created", "A draft was written.", "Its author; moderators and up.")
POST_PUBLISHED = _post("published", "A post was published.")
POST_UPDATED = _post("updated", "A post was changed.")
POST_UNPUBLISHED = _post(
    "unpublished",
    "A post is a draft again.",
    "Everybody who is signed in, without `data`; its author, moderators and up with it.",
)
POST_DELETED = _post("deleted", "A post was deleted.")
COMMENT_CREATED = _comment("created", "A comment was written.")
COMMENT_UPDATED = _comment("updated", "A comment's text was changed.")
COMMENT_DELETED = _comment("deleted", "A comment was deleted by its author.")
COMMENT_REMOVED = _comment("removed", "A moderator removed a comment's text.")
COMMENT_RESTORED = _comment("restored", "A moderator showed a comment's text again.")

PROJECT_CREATED = EventType(
    "project.created", "A project was made.", "Project", "Project", _PROJECT
)
PROJECT_UPDATED = EventType(
    "project.updated", "A project was changed.", "Project", "Project", _PROJECT
)
PROJECT_DELETED = EventType(
    "project.deleted", "A project was deleted.", "Project", "Project", _PROJECT
)
USER_CREATED = EventType("user.created", "An account was made.", "User", "User", _ACCOUNT)
USER_UPDATED = EventType("user.updated", "An account was changed.", "User", "User", _ACCOUNT)
USER_DISABLED = EventType("user.disabled", "An account was closed.", "User", "User", _ACCOUNT)
USER_DELETED = EventType(
    "user.deleted", "An account was deleted; `data` is null.", "User", "User", _ACCOUNT
)

#: Every type, in the order in which they are listed.
EVENT_TYPES: tuple[EventType, ...] = tuple(
    value for value in dict(globals()).values() if isinstance(value, EventType)
)
TYPE_NAMES = tuple(each.name for each in EVENT_TYPES)
