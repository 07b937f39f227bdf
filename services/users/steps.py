"""Steps that changing, closing and deleting an account share, inside their transaction."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs
from pydantic.alias_generators import to_camel

from persistence.api_keys import REVOKE_KEYS_OF
from persistence.database.failures import UniqueViolation
from persistence.database.transactions import Transaction
from persistence.deposits import COUNT_PENDING_DEPOSITS
from persistence.mail_tokens import DELETE_MAIL_TOKENS
from persistence.orders.statements import COUNT_OPEN_ORDERS
from persistence.sessions.statements import REVOKE_SESSIONS_OF
from persistence.users.statements import (
    ANONYMISE_USER,
    EMAIL_OF_ANOTHER,
    LOCK_USER,
    OTHER_ADMINS,
    PASSWORD_HASH,
    UPDATE_PROFILE,
    UPDATE_USER,
)
from persistence.users.tables import Role
from persistence.users.views import USER, User
from persistence.wallet import LOCK_WALLET
from services.access.permissions import Permission
from services.emails import GONE, same_spelling, spellings
from services.errors.auth import InvalidCredentials
from services.errors.base import FieldError
from services.errors.common import Internal, ValidationFailed
from services.errors.users import AccountNotEmpty, EmailTaken, LastAdmin, UserNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.inputs import Input
from services.operation.patches import Patch, changes
from services.search.columns import sort_columns
from services.uploads.pictures import delete_variants
from services.users.creating import (
    DELETED_PREFIX,
    LONGEST_NAME,
    enqueue_verification,
    joined_name,
    refuse_other_spelling,
    taken_error,
)

_PROFILE = ("first_name", "last_name", "avatar", "image_variants", "bio")


# The user row is locked before all session rows, the caller's own included. Signing in also locks
# the user first and inserts the session under that lock, so ending sessions misses none.
async def lock_self(ctx: Context, tx: Transaction, _: Input) -> None:
    """Lock the caller's own row; a step that comes before the session."""
    await tx.all(LOCK_USER, user_id=ctx.user_id)


def sees_account(ctx: Context, user_id: str) -> bool:
    """May the caller see the whole account, and not only its public part?"""
    caller = ctx.caller
    return caller is not None and (
        caller.may(Permission.USERS_READ_ALL)
        or (user_id == caller.user_id and caller.may(Permission.ACCOUNT_READ_OWN))
    )


async def load_user(tx: Transaction, user_id: str) -> User:
    """Load the account as it is stored now."""
    [user] = await tx.all(USER.stored, ids=[user_id])
    return user


async def find_user(ctx: Context, tx: Transaction, user_id: str) -> User:
    """Load the account to change; raises `UserNotFound`. Its row is locked already."""
    user = await tx.one(USER.by_ids, ids=[user_id], **ctx.viewer_values)
    if user is None:
        raise UserNotFound
    ctx.refresh_now()
    ctx.record("user", user.id)
    return user


def changed_columns(user: User, patch: Patch) -> dict[str, Any]:
    """The columns that a patch changes in an account, with their new values.

    A full name that was made of the first and the last name is made anew when these change.
    """
    # An email from before may be spelled otherwise than the same email in a patch.
    present = {**_columns(user), "email": same_spelling(user.email)}
    changed = changes(patch, present)
    if {"first_name", "last_name"} & changed.keys() and "full_name" not in patch.given:
        new = {**present, **changed}
        derived = joined_name(new["first_name"], new["last_name"])
        was_derived = user.full_name == joined_name(present["first_name"], present["last_name"])
        if was_derived and derived is not None and len(derived) <= LONGEST_NAME:
            changed["full_name"] = derived
    return changed


def refuse_email_without_password(user: User, patch: Patch) -> None:
    """Raise `ValidationFailed` when a patch without a password changes the email.

    A token alone may be stolen, so it cannot change the email. Sending the present email back, as
    a form does, changes nothing and is allowed.
    """
    present = same_spelling(user.email)
    email = patch.given.get("email", present)
    if email != present or ("email" in patch.given and user.pending_email is not None):
        message = "Give the password to change the email."
        raise ValidationFailed(fields=[FieldError("currentPassword", "REQUIRED", message)])


async def refuse_wrong_password(ctx: Context, tx: Transaction) -> None:
    """Raise `InvalidCredentials` unless the verified password is still the caller's.

    The caller's row is locked already, so the password cannot change before COMMIT.
    """
    verified: str | None = ctx.prepared
    if verified is None or await tx.one(PASSWORD_HASH, user_id=ctx.user_id) != verified:
        raise InvalidCredentials("The current password is wrong.")


async def set_pending_email(
    ctx: Context, tx: Transaction, user: User, changed: dict[str, Any]
) -> None:
    """Store a new email as pending until it is verified; the present email withdraws it.

    Both addresses get a mail. The present one is warned because the owner may be about to lose the
    account.
    """
    email = changed.pop("email", None)
    if email is None:
        if user.pending_email is not None:
            changed["pending_email"] = None
        return
    if await tx.one(EMAIL_OF_ANOTHER, emails=spellings(email), user_id=user.id):
        raise EmailTaken
    if email != user.pending_email:
        changed["pending_email"] = email
        await enqueue_verification(ctx, tx, user.id, email)
        await enqueue(ctx, tx, "mail.emailChanging", {"userId": user.id, "email": user.email})


async def write_changes(
    ctx: Context, tx: Transaction, user: User, changed: Mapping[str, Any]
) -> User:
    """Update the account if anything changed, and tell of it; returns the stored account.

    The variants of an avatar go with it, and their files are deleted. Raises `EmailTaken` or
    `UsernameTaken`.
    """
    ctx.record("user", user.id, *sorted(to_camel(name) for name in changed))
    if not changed:
        return user
    if "email" in changed:
        await refuse_other_spelling(tx, changed["email"], user.id)
    if "avatar" in changed:
        changed = {"image_variants": [], **changed}
        await delete_variants(ctx, tx, user.profile.image_variants)
    after = {**_columns(user), **changed}
    after |= sort_columns("full_name", after["full_name"])
    new = {f"new_{name}": value for name, value in after.items()}
    try:
        await tx.all(UPDATE_USER, user_id=user.id, **new)
    except UniqueViolation as error:
        raise taken_error(error) from None
    if not changed.keys().isdisjoint(_PROFILE):
        await tx.all(UPDATE_PROFILE, user_id=user.id, **new)
    stored = await load_user(tx, user.id)
    told = types.USER_DISABLED if changed.get("is_active") is False else types.USER_UPDATED
    emit(ctx, told, stored, audience.of_user(user.id))
    return stored


async def refuse_last_admin(tx: Transaction, user: User, changed: Mapping[str, Any]) -> None:
    """Raise `LastAdmin` if no active admin would be left. All admins' rows are locked already."""
    role, is_active = changed.get("role", user.role), changed.get("is_active", user.is_active)
    was, stays = (user.role, user.is_active), (role, is_active)
    admin = (Role.ADMIN, True)
    if was == admin and stays != admin and not await tx.one(OTHER_ADMINS, user_id=user.id):
        raise LastAdmin


async def revoke_access(ctx: Context, tx: Transaction) -> None:
    """Revoke the caller's sessions and API keys; waits for writes that use them."""
    await tx.all(REVOKE_SESSIONS_OF, user_id=ctx.user_id, now=ctx.now, kept=None)
    await tx.all(REVOKE_KEYS_OF, user_id=ctx.user_id, now=ctx.now)


async def refuse_nonempty_account(tx: Transaction, user_id: str) -> None:
    """Raise `AccountNotEmpty` if the account has money, a pending deposit or an open order.

    Orders are counted before the wallet is read. So an order that is cancelled at the same time is
    either counted as open, or its refund is already in the wallet.
    """
    open_orders = await tx.one(COUNT_OPEN_ORDERS, user_id=user_id)
    pending_deposits = await tx.one(COUNT_PENDING_DEPOSITS, user_id=user_id)
    wallet = await tx.one(LOCK_WALLET, user_id=user_id)
    if wallet is None:
        raise Internal
    if wallet.balance or open_orders or pending_deposits:
        raise AccountNotEmpty(
            details={
                "balance": str(wallet.balance),
                "currency": wallet.currency,
                "pendingDeposits": pending_deposits,
                "openOrders": open_orders,
            }
        )


async def anonymise_account(ctx: Context, tx: Transaction, user: User, verified: str) -> None:
    """Remove all personal data from the caller's account, ``user``.

    ``verified`` is the hash that the password was verified against. Raises `InvalidCredentials`
    when the password has changed since.
    """
    user_id = ctx.user_id
    name = "Deleted user"
    key = sort_columns("full_name", name)
    anonymised = await tx.one(
        ANONYMISE_USER,
        user_id=user_id,
        verified=verified,
        new_email=f"deleted-{user_id}@{GONE}",
        # The end of a UUIDv7 is random; its beginning is the time.
        new_username=DELETED_PREFIX + user_id.replace("-", "")[-12:],
        new_full_name=name,
        **{f"new_{column}": value for column, value in key.items()},
        now=ctx.now,
    )
    if anonymised is None:
        raise InvalidCredentials("The password is wrong.")
    cleared = {**dict.fromkeys(_PROFILE), "image_variants": []}
    new = {f"new_{name}": value for name, value in cleared.items()}
    await tx.all(UPDATE_PROFILE, user_id=user_id, **new)
    await delete_variants(ctx, tx, user.profile.image_variants)
    await tx.all(DELETE_MAIL_TOKENS, user_id=user_id)


def _columns(user: User) -> dict[str, Any]:
    """The columns of an account that may change, with their values."""
    return {
        "email": user.email,
        "username": user.username,
        "full_name": user.full_name,
        "role": user.role,
        "is_active": user.is_active,
        "pending_email": user.pending_email,
        **structs.asdict(user.profile),
    }
