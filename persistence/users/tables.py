"""The tables of users and their profiles."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    SortableText,
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.search.texts import lowered, sort_order
from persistence.uploads.images import NO_VARIANTS, Variants


class Role(StrEnum):
    """The role of a user in the shop; each one may do more than the one before."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    MANAGER = "MANAGER"
    ADMIN = "ADMIN"


class UserTable(SQLModel, table=True):
    """An account that a person signs in with."""

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
        sa.Index("users_text_version_idx", "text_version"),
    )

    id: str = identifier()
    email: str = column(sa.Text)
    username: str = column(sa.Text)
    full_name: str = column(sa.Text)
    password_hash: str = column(sa.Text)
    role: str = column(sa.Text, "'USER'")
    #: Since when the user has this role; it shows no events from before.
    role_since: datetime = instant()
    is_active: bool = column(sa.Boolean, "true")
    last_login_at: datetime | None = instant(None, nullable=True)
    email_verified_at: datetime | None = instant(None, nullable=True)
    #: The new address, until it is verified.
    pending_email: str | None = column(sa.Text, nullable=True)
    #: When the account was deleted; from then on it holds nothing personal.
    deleted_at: datetime | None = instant(None, nullable=True)
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    full_name_key: str | None = column(SortableText, nullable=True)
    text_version: int = column(sa.SmallInteger, "0")


class ProfileTable(SQLModel, table=True):
    """Personal facts that a user has given."""

    __tablename__ = named("profiles")
    __table_args__ = (checked("jsonb_typeof(image_variants) = 'array'", "image_variants"),)

    user_id: str = reference("users.id", primary_key=True, index=False)
    first_name: str | None = column(sa.Text, nullable=True)
    last_name: str | None = column(sa.Text, nullable=True)
    avatar: str | None = column(sa.Text, nullable=True)
    bio: str | None = column(sa.Text, nullable=True)
    updated_at: datetime = instant()
    #: The avatar in each size.
    image_variants: list[Any] = column(Variants, NO_VARIANTS)


users = table_of(UserTable)
profiles = table_of(ProfileTable)


lower_username, lower_email, lower_full_name = (
    lowered(column) for column in (users.c.username, users.c.email, users.c.full_name)
)
sa.Index("users_username_id_idx", lower_username, users.c.id)
sa.Index("users_email_idx", lower_email)
sa.Index("users_full_name_idx", lower_full_name)
full_name_order = sort_order(users.c.full_name_key, users.c.full_name, users.c.text_version)
sa.Index("users_full_name_order_id_idx", full_name_order, users.c.id)
