"""Permissions: what an operation requires of its caller, written ``noun:verb:scope``.

A role holds every permission whose least role it reaches. An API key holds the permissions that it
was given, as far as its owner's role holds them. Scope ``own`` covers the caller's own things,
``all`` covers everybody's.
"""

from enum import Enum, StrEnum

from persistence.users.tables import Role

#: For operations that anybody may call, with a token or without.
PUBLIC = None


class System(Enum):
    """Tandem itself, which runs operations by its jobs and has no token."""

    SYSTEM = "system"


#: For operations that only jobs run; no face has them.
SYSTEM = System.SYSTEM


class Permission(StrEnum):
    """Every permission, with the least role that holds it.

    ``grantable`` is False for permissions that no API key may have. A key that changes an account's
    email or password, or makes accounts and keys, would outlive its own revocation.
    """

    least: Role
    grantable: bool

    def __new__(cls, name: str, least: Role, grantable: bool = True) -> "Permission":
        """A permission by its name, least role and whether a key may have it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.least = least
        member.grantable = grantable
        return member

    ACCOUNT_READ_OWN = "account:read:own", Role.USER
    ACCOUNT_WRITE_OWN = "account:write:own", Role.USER, False
    ACCOUNT_DELETE_OWN = "account:delete:own", Role.USER, False
    ACCOUNT_EXPORT_OWN = "account:export:own", Role.USER, False
    PASSWORD_WRITE_OWN = "password:write:own", Role.USER, False
    SESSIONS_READ_OWN = "sessions:read:own", Role.USER, False
    SESSIONS_WRITE_OWN = "sessions:write:own", Role.USER, False
    APIKEYS_READ_OWN = "apikeys:read:own", Role.USER, False
    APIKEYS_WRITE_OWN = "apikeys:write:own", Role.USER, False
    USERS_READ_PUBLIC = "users:read:public", Role.USER
    USERS_READ_ALL = "users:read:all", Role.ADMIN
    USERS_WRITE_ALL = "users:write:all", Role.ADMIN, False
    CATEGORIES_WRITE_ALL = "categories:write:all", Role.MANAGER
    CATEGORIES_DELETE_ALL = "categories:delete:all", Role.ADMIN
    PRODUCTS_READ_ALL = "products:read:all", Role.MANAGER
    PRODUCTS_WRITE_ALL = "products:write:all", Role.MANAGER
    PRODUCTS_DELETE_ALL = "products:delete:all", Role.ADMIN
    WALLET_READ_OWN = "wallet:read:own", Role.USER
    DEPOSITS_READ_OWN = "deposits:read:own", Role.USER
    DEPOSITS_WRITE_OWN = "deposits:write:own", Role.USER
    ORDERS_READ_OWN = "orders:read:own", Role.USER
    ORDERS_READ_ALL = "orders:read:all", Role.MANAGER
    ORDERS_WRITE_OWN = "orders:write:own", Role.USER
    ORDERS_WRITE_ALL = "orders:write:all", Role.MANAGER
    ORDERS_PAY_OWN = "orders:pay:own", Role.USER
    APPROVALS_READ_ALL = "approvals:read:all", Role.MANAGER
    APPROVALS_WRITE_ALL = "approvals:write:all", Role.MANAGER
    PAYMENTS_READ_OWN = "payments:read:own", Role.USER
    PAYMENTS_READ_ALL = "payments:read:all", Role.MANAGER
    INVOICES_READ_OWN = "invoices:read:own", Role.USER
    INVOICES_READ_ALL = "invoices:read:all", Role.MANAGER
    COUPONS_READ_PUBLIC = "coupons:read:public", Role.USER
    COUPONS_READ_ALL = "coupons:read:all", Role.MANAGER
    COUPONS_WRITE_ALL = "coupons:write:all", Role.MANAGER
    REFUNDS_READ_OWN = "refunds:read:own", Role.USER
    REFUNDS_READ_ALL = "refunds:read:all", Role.MANAGER
    REFUNDS_WRITE_ALL = "refunds:write:all", Role.MANAGER
    REPORTS_READ_ALL = "reports:read:all", Role.MANAGER
    POSTS_READ_OWN = "posts:read:own", Role.USER
    POSTS_READ_ALL = "posts:read:all", Role.MODERATOR
    POSTS_WRITE_OWN = "posts:write:own", Role.USER
    POSTS_WRITE_ALL = "posts:write:all", Role.ADMIN
    POSTS_LIKE_OWN = "posts:like:own", Role.USER
    POSTS_MODERATE_ALL = "posts:moderate:all", Role.MODERATOR
    COMMENTS_READ_ALL = "comments:read:all", Role.MODERATOR
    COMMENTS_WRITE_OWN = "comments:write:own", Role.USER
    COMMENTS_MODERATE_ALL = "comments:moderate:all", Role.MODERATOR
    PROJECTS_READ_OWN = "projects:read:own", Role.USER
    PROJECTS_READ_ALL = "projects:read:all", Role.ADMIN
    PROJECTS_WRITE_OWN = "projects:write:own", Role.USER
    UPLOADS_READ_OWN = "uploads:read:own", Role.USER
    UPLOADS_WRITE_OWN = "uploads:write:own", Role.USER
    EVENTS_READ_OWN = "events:read:own", Role.USER
    EVENTS_READ_ALL = "events:read:all", Role.MANAGER
    AUDIT_READ_ALL = "audit:read:all", Role.ADMIN
    JOBS_READ_ALL = "jobs:read:all", Role.ADMIN
    JOBS_WRITE_ALL = "jobs:write:all", Role.ADMIN

    @property
    def noun(self) -> str:
        """The noun of its name: ``orders`` of ``orders:read:own``."""
        return self.partition(":")[0]

    @property
    def wider(self) -> "Permission | None":
        """The same permission with scope ``all``; None where there is none."""
        noun, verb, _ = self.split(":")
        return permission(noun, verb, "all")


_BY_NAME = {str(member): member for member in Permission}
_RANKS = {role: rank for rank, role in enumerate(Role)}
#: The permissions that an API key may be given.
GRANTABLE = tuple(str(member) for member in Permission if member.grantable)


def permission(noun: str, verb: str, scope: str) -> Permission | None:
    """The permission of this name; None where there is none."""
    return _BY_NAME.get(f"{noun}:{verb}:{scope}")


def reaches(role: Role, least: Role) -> bool:
    """Is this role at least that one?"""
    return _RANKS[role] >= _RANKS[least]
