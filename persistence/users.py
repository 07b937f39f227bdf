"""Users and their profiles."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.columns import checked, column, identifier, instant, named, reference, table_of
from persistence.sql import Query, given, insert, value
from persistence.views import View, administers, viewer


class Role(StrEnum):
    """What a user is in the shop, from least to most."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"


class UserTable(SQLModel, table=True):
    """An account somebody signs in with."""

    __tablename__ = named("users")
    __table_args__ = (
        sa.Index("users_email_key", sa.text("lower(email)"), unique=True),
        sa.Index("users_username_key", sa.text("lower(username)"), unique=True),
        checked("role IN ('USER', 'MODERATOR', 'MANAGER', 'ADMIN')", "role"),
        checked("char_length(username) BETWEEN 3 AND 30", "username"),
        checked("char_length(email) <= 254", "email"),
        checked("char_length(pending_email) <= 254", "pending_email"),
        checked("deleted_at IS NULL OR NOT is_active", "deleted"),
    )

    id: str = identifier()
    email: str = column(sa.Text)
    username: str = column(sa.Text)
    full_name: str = column(sa.Text)
    password_hash: str = column(sa.Text)
    role: str = column(sa.Text, "'USER'")
    is_active: bool = column(sa.Boolean, "true")
    last_login_at: datetime | None = instant(None, nullable=True)
    email_verified_at: datetime | None = instant(None, nullable=True)
    #: The address to be, until it is verified.
    pending_email: str | None = column(sa.Text, nullable=True)
    #: Set when the account was deleted: nothing personal is left in it then.
    deleted_at: datetime | None = instant(None, nullable=True)
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ProfileTable(SQLModel, table=True):
    """What a user tells about themselves."""

    __tablename__ = named("profiles")

    user_id: str = reference("users.id", primary_key=True, index=False)
    first_name: str | None = column(sa.Text, nullable=True)
    last_name: str | None = column(sa.Text, nullable=True)
    avatar: str | None = column(sa.Text, nullable=True)
    bio: str | None = column(sa.Text, nullable=True)
    updated_at: datetime = instant()


class Profile(Struct, frozen=True, rename="camel"):
    """What a user tells about themselves."""

    first_name: Annotated[str | None, Meta(description="Given name.")]
    last_name: Annotated[str | None, Meta(description="Family name.")]
    avatar: Annotated[str | None, Meta(description="Address of a picture.")]
    bio: Annotated[str | None, Meta(description="A few words about the person.")]


class User(Struct, frozen=True, rename="camel"):
    """An account, as its owner and admins see it."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    email: Annotated[str, Meta(description="Address the user signs in with.")]
    username: Annotated[str, Meta(description="Name shown to other people, unique.")]
    full_name: Annotated[str, Meta(description="The person's full name.")]
    profile: Annotated[Profile, Meta(description="What the user tells about themselves.")]
    role: Annotated[Role, Meta(description="What the user is in the shop.")]
    is_active: Annotated[bool, Meta(description="False once an admin has closed the account.")]
    last_login_at: Annotated[datetime | None, Meta(description="When the user last signed in.")]
    email_verified: Annotated[bool, Meta(description="Has the user shown that email is theirs?")]
    pending_email: Annotated[
        str | None, Meta(description="The address that takes email's place once it is verified.")
    ]
    version: Annotated[int, Meta(description="Counts the changes of this account.")]
    created_at: Annotated[datetime, Meta(description="When the account was made.")]
    updated_at: Annotated[datetime, Meta(description="When the account last changed.")]


class PublicUser(Struct, frozen=True, rename="camel"):
    """A user, as other people see them."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    username: Annotated[str, Meta(description="Name shown to other people, unique.")]
    avatar: Annotated[str | None, Meta(description="Address of a picture.")]


class Credentials(Struct, frozen=True):
    """What signing in needs to know of an account."""

    user_id: str
    password_hash: str
    is_active: bool


users = table_of(UserTable)
profiles = table_of(ProfileTable)
_with_profile = users.join(profiles, profiles.c.user_id == users.c.id)


def _user(*columns: Any) -> User:
    id, email, username, full_name, first, last, avatar, bio, role, *rest = columns
    profile = Profile(first, last, avatar, bio)
    return User(id, email, username, full_name, profile, Role(role), *rest)


USER = View(
    "User",
    users.c.id,
    (
        users.c.id,
        users.c.email,
        users.c.username,
        users.c.full_name,
        profiles.c.first_name,
        profiles.c.last_name,
        profiles.c.avatar,
        profiles.c.bio,
        users.c.role,
        users.c.is_active,
        users.c.last_login_at,
        users.c.email_verified_at.is_not(None),
        users.c.pending_email,
        users.c.version,
        users.c.created_at,
        users.c.updated_at,
    ),
    _with_profile,
    _user,
    sa.and_(sa.or_(users.c.id == viewer, administers), users.c.deleted_at.is_(None)),
)
PUBLIC_USER = View(
    "PublicUser",
    users.c.id,
    (users.c.id, users.c.username, profiles.c.avatar),
    _with_profile,
    PublicUser,
    viewer.is_not(None),
)

CREDENTIALS = Query(
    sa.select(users.c.id, users.c.password_hash, users.c.is_active).where(
        sa.func.lower(users.c.email) == sa.func.lower(given("email", users.c.email))
    ),
    Credentials,
)
INSERT_USER = insert(
    users, "id", "email", "username", "full_name", "password_hash", "role", "created_at"
)
INSERT_PROFILE = insert(profiles, "user_id", "first_name", "last_name", "avatar", "bio")
# Signing in is not a change of the account: it does not bump the version. An account that was
# closed meanwhile, or has another password by now, is not signed in: no row comes back. Holding the
# row until the session is there keeps whoever ends the account's sessions from missing it.
SIGNED_IN = Query(
    sa.update(users)
    .where(
        users.c.id == given("user_id", users.c.id),
        users.c.is_active,
        users.c.password_hash == given("verified", users.c.password_hash),
    )
    .values(last_login_at=given("at", users.c.last_login_at))
    .returning(users.c.id),
    value,
)
# The same password, hashed more strongly: no change of the account.
RENEW_HASH = Query(
    sa.update(users)
    .where(
        users.c.id == given("user_id", users.c.id),
        users.c.password_hash == given("verified", users.c.password_hash),
    )
    .values(password_hash=given("newer", users.c.password_hash))
    .returning(users.c.id),
    value,
)
# A token that was mailed to an address the account has no more is worth nothing: no row comes back.
_unproven = users.c.email_verified_at.is_(None)
_shown = sa.or_(_unproven, users.c.pending_email.is_not(None))
RESET_PASSWORD = Query(
    sa.update(users)
    .where(
        users.c.id == given("user_id", users.c.id),
        users.c.is_active,
        sa.func.lower(users.c.email) == sa.func.lower(given("mailed", users.c.email)),
    )
    .values(
        password_hash=given("new_hash", users.c.password_hash),
        email_verified_at=sa.func.coalesce(
            users.c.email_verified_at, given("now", users.c.email_verified_at)
        ),
        # Whoever was in the account meanwhile may have asked for an email of theirs to take over.
        pending_email=sa.null(),
        # The password is no part of what is shown of the account; what its emails are is.
        version=users.c.version + sa.cast(_shown, sa.Integer),
    )
    .returning(users.c.id),
    value,
)
# The address is the account's own or the one it is to have; no row comes back for any other.
_mailed = given("mailed", users.c.email)
CONFIRM_EMAIL = Query(
    sa.update(users)
    .where(
        users.c.id == given("user_id", users.c.id),
        users.c.is_active,
        sa.or_(users.c.email == _mailed, users.c.pending_email == _mailed),
    )
    .values(
        email=_mailed,
        email_verified_at=given("now", users.c.email_verified_at),
        pending_email=sa.func.nullif(users.c.pending_email, _mailed),
        version=users.c.version + 1,
    )
    .returning(users.c.id),
    value,
)
