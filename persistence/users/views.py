"""Users as they are shown: the whole account to its owner and to admins, a few fields to others."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.listing import Listing, ascending, descending
from persistence.database.rows import nested
from persistence.database.statements import given
from persistence.database.views import administers, view, viewer
from persistence.search.texts import by_text, lowered
from persistence.uploads.images import ImageVariant, shown_variants
from persistence.users.tables import (
    Role,
    UserTable,
    full_name_order,
    lower_email,
    lower_full_name,
    lower_username,
    profiles,
    users,
)

_VARIANTS = "The avatar in each size; empty unless it was uploaded here."


class Profile(Struct, frozen=True, rename="camel"):
    """Personal facts that a user has given."""

    first_name: Annotated[str | None, Meta(description="Given name.")]
    last_name: Annotated[str | None, Meta(description="Family name.")]
    avatar: Annotated[str | None, Meta(description="Address of a picture.")]
    image_variants: Annotated[list[ImageVariant], Meta(description=_VARIANTS)]
    bio: Annotated[str | None, Meta(description="A few words about the person.")]


class User(Struct, frozen=True, rename="camel"):
    """An account, as its owner and admins see it."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    email: Annotated[str, Meta(description="Address the user signs in with.")]
    username: Annotated[str, Meta(description="Name shown to other people; unique.")]
    full_name: Annotated[str, Meta(description="The person's full name.")]
    profile: Annotated[Profile, Meta(description="Personal facts that the user has given.")]
    role: Annotated[Role, Meta(description="The user's role in the shop.")]
    is_active: Annotated[bool, Meta(description="False once an admin has closed the account.")]
    last_login_at: Annotated[datetime | None, Meta(description="When the user last signed in.")]
    email_verified: Annotated[
        bool, Meta(description="Whether the user has proved that the email is theirs.")
    ]
    pending_email: Annotated[str | None, Meta(description="The new email, until it is verified.")]
    version: Annotated[int, Meta(description="Counts the changes of this account.")]
    created_at: Annotated[datetime, Meta(description="When the account was made.")]
    updated_at: Annotated[datetime, Meta(description="When the account last changed.")]


class PublicUser(Struct, frozen=True, rename="camel"):
    """A user, as other people see them."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    username: Annotated[str, Meta(description="Name shown to other people; unique.")]
    avatar: Annotated[str | None, Meta(description="Address of a picture.")]
    image_variants: Annotated[list[ImageVariant], Meta(description=_VARIANTS)]


_variants = shown_variants(profiles.c.image_variants)
_with_profile = users.join(profiles, profiles.c.user_id == users.c.id)


USER = view(
    User,
    UserTable,
    profile=nested(Profile, profiles, image_variants=_variants),
    email_verified=users.c.email_verified_at.is_not(None),
    source=_with_profile,
    visible=sa.and_(sa.or_(users.c.id == viewer, administers), users.c.deleted_at.is_(None)),
)
PUBLIC_USER = view(
    PublicUser,
    UserTable,
    avatar=profiles.c.avatar,
    image_variants=_variants,
    source=_with_profile,
    visible=sa.and_(viewer.is_not(None), users.c.deleted_at.is_(None)),
)


def _begins(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a column begins with the text searched for; as a range, which an index answers."""
    text = lowered(sa.bindparam("search", type_=sa.Text))
    return sa.and_(column >= text, column < text + "\U0010ffff")


USERS = Listing(
    USER,
    always=users.c.deleted_at.is_(None),
    sorts={
        "-createdAt": descending(USER, "created_at"),
        "createdAt": ascending(USER, "created_at"),
        # Usernames are ASCII, and so are most emails: in small letters they are sort keys.
        "username": by_text(lower_username),
        "-username": by_text(lower_username, descending=True),
        "email": by_text(lower_email),
        "-email": by_text(lower_email, descending=True),
        "fullName": by_text(full_name_order),
        "-fullName": by_text(full_name_order, descending=True),
    },
    filters={
        "role": users.c.role == given("role", users.c.role),
        "isActive": users.c.is_active == given("isActive", users.c.is_active),
        "search": sa.or_(_begins(lower_email), _begins(lower_username), _begins(lower_full_name)),
    },
)
