"""The audience of an event: decided here for every type, and written with the event.

An event has an owner, an audience by name, and may be public. Its owner hears it with the
permission that the audience asks of owners. Others hear it with all of the permissions that it asks
of others, or when it is public. A role that was gained does not open the past: see
persistence/events/views.py.
"""

from datetime import datetime
from typing import NamedTuple

from persistence.events.views import NewEvent
from persistence.orders.views import Order
from persistence.posts.views import Post
from persistence.products.views import Product
from persistence.projects import Project
from services.access.callers import Caller
from services.access.permissions import Permission


class Rule(NamedTuple):
    """The permissions by which an owner hears, and those by which others do; none of them may."""

    of_owner: Permission | None
    of_others: tuple[Permission, ...]


#: The rules by the name that is written with an event. They are those of reading the thing.
RULES = {
    "orders": Rule(Permission.ORDERS_READ_OWN, (Permission.ORDERS_READ_ALL,)),
    "invoices": Rule(Permission.INVOICES_READ_OWN, (Permission.INVOICES_READ_ALL,)),
    "wallets": Rule(Permission.WALLET_READ_OWN, ()),
    "deposits": Rule(Permission.DEPOSITS_READ_OWN, ()),
    "products": Rule(None, (Permission.PRODUCTS_READ_ALL,)),
    "categories": Rule(None, ()),
    "coupons": Rule(None, (Permission.COUPONS_READ_ALL,)),
    "posts": Rule(Permission.POSTS_READ_OWN, (Permission.POSTS_READ_ALL,)),
    "comments": Rule(
        Permission.POSTS_READ_OWN, (Permission.COMMENTS_READ_ALL, Permission.POSTS_READ_ALL)
    ),
    "projects": Rule(Permission.PROJECTS_READ_OWN, (Permission.PROJECTS_READ_ALL,)),
    "users": Rule(Permission.ACCOUNT_READ_OWN, (Permission.USERS_READ_ALL,)),
}


class Audience(NamedTuple):
    """The people who hear one event."""

    name: str
    owner_id: str | None = None
    is_public: bool = False
    #: Whether those who hear it only because it is public get no data.
    is_withheld: bool = False
    #: The person that the data is about: it is removed with their account.
    person_id: str | None = None


class Hearing(NamedTuple):
    """The audiences that a caller belongs to: as the owner of a thing, and of others' things."""

    as_owner: list[str]
    as_other: list[str]


def hearing(caller: Caller) -> Hearing:
    """The audiences that a caller belongs to, by role and by the permissions of an API key."""
    owned, others = list[str](), list[str]()
    for name, rule in RULES.items():
        if rule.of_owner is not None and caller.may(rule.of_owner):
            owned.append(name)
        if rule.of_others and all(map(caller.may, rule.of_others)):
            others.append(name)
    return Hearing(owned, others)


class Listener(NamedTuple):
    """Somebody who follows new events."""

    user_id: str
    hearing: Hearing
    #: Events from before are not told because of the role.
    role_since: datetime

    def concerned(self, event: NewEvent) -> bool:
        """Do they hear an event for more than being public? As persistence/events/views.py says."""
        if event.owner_id == self.user_id and event.audience in self.hearing.as_owner:
            return True
        return event.audience in self.hearing.as_other and event.at >= self.role_since


def of_order(order: Order) -> Audience:
    """The buyer, and managers."""
    return _owned("orders", order.customer_id)


def of_invoice(customer_id: str) -> Audience:
    """The buyer, and managers."""
    return _owned("invoices", customer_id)


def of_wallet(owner_id: str) -> Audience:
    """The owner alone."""
    return _owned("wallets", owner_id)


def of_deposit(owner_id: str) -> Audience:
    """The owner alone."""
    return _owned("deposits", owner_id)


def of_product(product: Product, *, was_active: bool = False) -> Audience:
    """Everybody; managers when the product is archived, unless it ``was_active`` until now."""
    return Audience("products", is_public=product.is_active or was_active)


def of_stock() -> Audience:
    """Managers."""
    return Audience("products")


def of_category() -> Audience:
    """Everybody."""
    return Audience("categories", is_public=True)


def of_coupon() -> Audience:
    """Managers."""
    return Audience("coupons")


def of_post(post: Post, *, was_published: bool = False) -> Audience:
    """Everybody; of a draft its author and moderators.

    When a post ``was_published`` until now, everybody hears that it is gone, without its text.
    """
    return Audience(
        "posts",
        post.author_id,
        is_public=post.is_published or was_published,
        is_withheld=not post.is_published,
        person_id=post.author_id,
    )


def of_deleted_post(author_id: str, *, is_public: bool) -> Audience:
    """As of the post before: everybody where it was published, else its author and moderators."""
    return Audience("posts", author_id, is_public=is_public, person_id=author_id)


def of_comment(author_id: str | None, *, is_public: bool) -> Audience:
    """Everybody where the post ``is_public``; on a draft moderators and the comment's author."""
    return Audience("comments", author_id, is_public=is_public, person_id=author_id)


def of_project(project: Project) -> Audience:
    """The owner, and admins."""
    return _owned("projects", project.owner_id)


def of_user(user_id: str) -> Audience:
    """The user, and admins."""
    return _owned("users", user_id)


def _owned(name: str, owner_id: str) -> Audience:
    return Audience(name, owner_id, person_id=owner_id)
