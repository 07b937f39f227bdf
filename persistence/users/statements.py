"""Statements that read, lock and change accounts."""

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.rows import row_plan
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.database.views import viewer
from persistence.search.reindexing import TextTable
from persistence.users.spellings import in_order_of_spellings, spelled_as
from persistence.users.tables import Role, UserTable, profiles, users
from persistence.users.views import PUBLIC_USER


class Credentials(Struct, frozen=True):
    """The values of an account that signing in checks."""

    user_id: str
    password_hash: str
    is_active: bool


#: Values: ids and the viewer's values. A deleted account has its placeholder name.
PUBLIC_USERS_EVER = Query(
    PUBLIC_USER.select().where(among(users.c.id), viewer.is_not(None)), PUBLIC_USER.row
)

#: The public part of authors, whoever reads: what they published is signed with it. Values: ids.
AUTHORS = Query(PUBLIC_USER.select().where(among(users.c.id)), PUBLIC_USER.row)

_credentials = row_plan(Credentials, UserTable, user_id=users.c.id)
#: Values: the spellings of an email. Old rows may hold two spellings of one address.
CREDENTIALS = Query(
    sa.select(*_credentials.selected).where(spelled_as).order_by(in_order_of_spellings).limit(1),
    _credentials.row,
)
INSERT_USER = insert(
    users,
    "id",
    "email",
    "username",
    "full_name",
    "password_hash",
    "role",
    "created_at",
    "full_name_key",
    "text_version",
)
USER_TEXTS = TextTable(users, texts=["full_name"], made=["full_name_key"])
INSERT_PROFILE = insert(profiles, "user_id", "first_name", "last_name", "avatar", "bio")
# Signing in does not change the account's version. No row comes back when the account was closed,
# or its password changed, since the password was verified. The transaction holds the row until the
# new session is there, so that an operation that ends the account's sessions does not miss it.
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
# The same password with a stronger hash; the account's version stays.
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
# A token that was mailed to a former address is void: no row comes back.
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
        # An intruder may have asked for an email of their own to take over.
        pending_email=sa.null(),
        # The version counts shown fields: the emails are shown, the password is not.
        version=users.c.version + sa.cast(_shown, sa.Integer),
    )
    .returning(users.c.id),
    value,
)
# The address must be the account's email or its pending one; otherwise no row comes back.
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
# FOR NO KEY UPDATE: rows that refer to the user can still be written.
LOCK_USER = Query(sa.select(users.c.id).where(_this).with_for_update(key_share=True), value)
# Locks by id, so that two admins who demote each other cannot deadlock: the second one is refused.
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
    sa.select(users.c.id).where(spelled_as, users.c.id != given("user_id", users.c.id)).limit(1),
    value,
)
#: ``(user_id, email)`` of the accounts whose email may have another spelling: its letters are not
#: all ASCII, or its domain is written in ASCII for one that is not.
EMAILS_WITH_SPELLINGS = Query(
    sa.select(users.c.id, users.c.email)
    .where(
        users.c.deleted_at.is_(None),
        sa.or_(
            sa.func.octet_length(users.c.email) > sa.func.char_length(users.c.email),
            users.c.email.ilike(sa.literal_column("'%@%xn--%'")),
        ),
    )
    .order_by(users.c.id),
    lambda user_id, email: (user_id, email),
)
#: Sets every column that an update may change.
UPDATE_USER = Query(
    sa.update(users)
    .where(_this)
    .values(
        email=given("new_email", users.c.email),
        username=given("new_username", users.c.username),
        full_name=given("new_full_name", users.c.full_name),
        full_name_key=given("new_full_name_key", users.c.full_name_key),
        text_version=given("new_text_version", users.c.text_version),
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
        image_variants=given("new_image_variants", profiles.c.image_variants),
        bio=given("new_bio", profiles.c.bio),
    ),
    nothing,
)
# The password must still be the one that was verified; otherwise no row comes back.
_still = users.c.password_hash == given("verified", users.c.password_hash)
CHANGE_PASSWORD = Query(
    sa.update(users)
    .where(_this, _still)
    .values(
        password_hash=given("new_hash", users.c.password_hash),
        # An intruder may have asked for an email of their own to take over.
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
        full_name_key=given("new_full_name_key", users.c.full_name_key),
        text_version=given("new_text_version", users.c.text_version),
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
#: The address that mail goes to; no row for a deleted account. A closed account still gets mail
#: about its orders and its money.
ADDRESS_OF = Query(sa.select(users.c.email).where(_this, users.c.deleted_at.is_(None)), value)
