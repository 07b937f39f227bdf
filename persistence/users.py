"""Users and their profiles."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.database.listing import Listing, Sort, ascending, descending
from persistence.database.rows import nested
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.database.views import administers, view, viewer


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
        sa.Index("users_created_at_id_idx", "created_at", "id"),
        sa.Index("users_role_created_at_id_idx", "role", "created_at", "id"),
        sa.Index("users_is_active_created_at_id_idx", "is_active", "created_at", "id"),
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


_username, _email, _full_name = (
    sa.func.lower(column, type_=sa.Text).collate("C")
    for column in (users.c.username, users.c.email, users.c.full_name)
)
sa.Index("users_username_id_idx", _username, users.c.id)
sa.Index("users_email_idx", _email)
sa.Index("users_full_name_idx", _full_name)
_with_profile = users.join(profiles, profiles.c.user_id == users.c.id)


USER = view(
    User,
    UserTable,
    profile=nested(Profile, profiles),
    email_verified=users.c.email_verified_at.is_not(None),
    source=_with_profile,
    visible=sa.and_(sa.or_(users.c.id == viewer, administers), users.c.deleted_at.is_(None)),
)
PUBLIC_USER = view(
    PublicUser,
    UserTable,
    avatar=profiles.c.avatar,
    source=_with_profile,
    visible=sa.and_(viewer.is_not(None), users.c.deleted_at.is_(None)),
)
#: Values: ids and the viewer's values. Of somebody who is gone the placeholder is left.
PUBLIC_USERS_EVER = Query(
    PUBLIC_USER.select().where(among(users.c.id), viewer.is_not(None)), PUBLIC_USER.row
)


def _begins(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Does it begin with the text searched for? As a range, so that an index answers it."""
    text = sa.func.lower(sa.bindparam("search", type_=sa.Text), type_=sa.Text).collate("C")
    return sa.and_(column >= text, column < text + "\U0010ffff")


USERS = Listing(
    USER,
    always=users.c.deleted_at.is_(None),
    sorts={
        "-createdAt": descending(USER, "created_at"),
        "createdAt": ascending(USER, "created_at"),
        "username": Sort(_username, False, lambda row: row.username.lower()),
        "-username": Sort(_username, True, lambda row: row.username.lower()),
    },
    filters={
        "role": users.c.role == given("role", users.c.role),
        "isActive": users.c.is_active == given("isActive", users.c.is_active),
        "search": sa.or_(_begins(_email), _begins(_username), _begins(_full_name)),
    },
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
_active_admin = sa.and_(users.c.role == sa.literal_column(f"'{Role.ADMIN}'"), users.c.is_active)
_this = users.c.id == given("user_id", users.c.id)
# Not FOR UPDATE: what refers to a user may be written meanwhile.
LOCK_USER = Query(sa.select(users.c.id).where(_this).with_for_update(key_share=True), value)
# In one order for all: of two admins who demote each other, one waits and finds out.
LOCK_USER_AND_ADMINS = Query(
    sa.select(users.c.id)
    .where(sa.or_(_this, _active_admin))
    .order_by(users.c.id)
    .with_for_update(key_share=True),
    value,
)
OTHER_ADMINS = Query(
    sa.select(sa.func.count()).where(_active_admin, users.c.id != given("user_id", users.c.id)),
    value,
)
IS_DELETED = Query(sa.select(users.c.deleted_at.is_not(None)).where(_this), value)
PASSWORD_HASH = Query(sa.select(users.c.password_hash).where(_this, users.c.is_active), value)
EMAIL_OF_ANOTHER = Query(
    sa.select(users.c.id).where(
        sa.func.lower(users.c.email) == sa.func.lower(given("email", users.c.email)),
        users.c.id != given("user_id", users.c.id),
    ),
    value,
)
#: Everything that may change in an account, whether it does or not.
UPDATE_USER = Query(
    sa.update(users)
    .where(_this)
    .values(
        email=given("new_email", users.c.email),
        username=given("new_username", users.c.username),
        full_name=given("new_full_name", users.c.full_name),
        role=given("new_role", users.c.role),
        is_active=given("new_is_active", users.c.is_active),
        pending_email=given("new_pending_email", users.c.pending_email),
        email_verified_at=sa.case(
            (users.c.email == given("new_email", users.c.email), users.c.email_verified_at)
        ),
        version=users.c.version + 1,
    ),
    nothing,
)
UPDATE_PROFILE = Query(
    sa.update(profiles)
    .where(profiles.c.user_id == given("user_id", profiles.c.user_id))
    .values(
        first_name=given("new_first_name", profiles.c.first_name),
        last_name=given("new_last_name", profiles.c.last_name),
        avatar=given("new_avatar", profiles.c.avatar),
        bio=given("new_bio", profiles.c.bio),
    ),
    nothing,
)
# Only while the password is still the one that was verified: no row comes back otherwise.
_still = users.c.password_hash == given("verified", users.c.password_hash)
CHANGE_PASSWORD = Query(
    sa.update(users)
    .where(_this, _still)
    .values(
        password_hash=given("new_hash", users.c.password_hash),
        # Whoever was in the account meanwhile may have asked for an email of theirs to take over.
        pending_email=sa.null(),
        version=users.c.version + sa.cast(users.c.pending_email.is_not(None), sa.Integer),
    )
    .returning(users.c.id),
    value,
)
ANONYMISE_USER = Query(
    sa.update(users)
    .where(_this, _still)
    .values(
        email=given("new_email", users.c.email),
        username=given("new_username", users.c.username),
        full_name=given("new_full_name", users.c.full_name),
        password_hash="",
        is_active=False,
        pending_email=None,
        email_verified_at=None,
        last_login_at=None,
        deleted_at=given("now", users.c.deleted_at),
        version=users.c.version + 1,
    )
    .returning(users.c.id),
    value,
)
#: Where somebody gets mail; None once the account is deleted. A closed one is still told of its
#: orders and its money.
ADDRESS_OF = Query(sa.select(users.c.email).where(_this, users.c.deleted_at.is_(None)), value)
