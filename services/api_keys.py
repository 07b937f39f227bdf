"""API keys: machine clients call with a key in place of a token."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct
from pydantic import AfterValidator, Field, Strict, WithJsonSchema, model_validator

from persistence.api_keys import (
    API_KEY,
    API_KEYS,
    COUNT_KEYS_OF,
    INSERT_KEY,
    LOCK_KEYS_OF,
    REVOKE_KEY,
    ApiKey,
)
from persistence.database.transactions import Transaction
from services.access.api_keys import new_secret
from services.access.permissions import GRANTABLE, Permission
from services.access.tokens import hashed
from services.done import Done
from services.errors.api_keys import ApiKeyNotFound
from services.errors.base import FieldError, TandemError
from services.errors.common import ValidationFailed
from services.events.types import none
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import INVALID_CHOICE, Input, Instant, NameLine, PathId, wrong
from services.operation.operation import operation
from services.operation.paging import Page, Paged

_DEFAULT_LIFETIME = timedelta(days=90)
_LONGEST_LIFETIME = timedelta(days=365)
#: Highest number of live keys of one user: few enough to keep track of.
_MOST_KEYS = 50


def _check_grantable(name: str) -> str:
    if name not in GRANTABLE:
        raise wrong(INVALID_CHOICE, "Give a permission that an API key may have.")
    return name


PermissionName = Annotated[
    str,
    Strict(),
    AfterValidator(_check_grantable),
    WithJsonSchema({"type": "string", "enum": list(GRANTABLE)}),
]


class CreatedApiKey(Struct, frozen=True, rename="camel"):
    """A new API key with its secret, which is shown only now."""

    secret: Annotated[
        str,
        Meta(description="The whole key, for the Authorization header. It is never shown again."),
    ]
    api_key: Annotated[ApiKey, Meta(description="The key as it is listed.")]


class ListApiKeys(Paged):
    """Sort of the list of API keys."""

    sort: Literal["-createdAt"] = Field("-createdAt", description="How the list is sorted.")


class CreateApiKey(Input):
    """A new API key."""

    name: Annotated[NameLine, Field(min_length=1, max_length=100)] = Field(
        description="A name that says what the key is for.", examples=["Nightly export"]
    )
    permissions: Annotated[list[PermissionName], Field(min_length=1, max_length=100)] = Field(
        description="Permissions of the key as noun:verb:scope, each once, from the caller's own.",
        examples=[["orders:read:own"]],
        json_schema_extra={"uniqueItems": True},
    )
    expires_at: Instant | None = Field(
        None, description="Time when the key expires: in 90 days if absent, in 365 days at most."
    )

    @model_validator(mode="after")
    def _refuse_repeated(self) -> Self:
        for position, name in enumerate(self.permissions):
            if name in self.permissions[:position]:
                raise wrong("REPEATED", "Name each permission once.", f"permissions.{position}")
        return self


class ApiKeyId(Input):
    """The API key."""

    id: PathId = Field(description="The key's id.")


@operation(
    "apiKeys.list",
    who=Permission.APIKEYS_READ_OWN,
    input=ListApiKeys,
    result=ApiKey,
    paged=True,
)
async def list_(
    ctx: Context, user_ids: Sequence[str], input: ListApiKeys
) -> Mapping[str, Page[ApiKey] | TandemError]:
    """List the caller's API keys, newest first: expired ones included, revoked ones left out."""
    return await paging.own_page(ctx, API_KEYS, user_ids, input, input.sort)


@operation(
    "apiKeys.create",
    who=Permission.APIKEYS_WRITE_OWN,
    input=CreateApiKey,
    result=CreatedApiKey,
    writes=True,
    emits=none("API keys are no things that others hear of."),
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateApiKey) -> CreatedApiKey:
    """Create an API key with some of the caller's permissions; its secret is shown only now.

    The key loses a permission when its user's role loses it. A user has at most 50 keys that are
    neither revoked nor expired. The operation takes no idempotency key, because the secret is not
    stored: if the answer is lost, revoke the key and create another one.
    """
    await tx.all(LOCK_KEYS_OF, user_id=ctx.user_id)
    live_keys = await tx.one(COUNT_KEYS_OF, user_id=ctx.user_id, now=ctx.now)
    expires_at = input.expires_at or ctx.now + _DEFAULT_LIFETIME
    _refuse_invalid(ctx, input, expires_at, live_keys or 0)
    secret, prefix = new_secret()
    key_id = ctx.new_id()
    ctx.record("apiKey", key_id, "name", "permissions", "expiresAt")
    await tx.all(
        INSERT_KEY,
        id=key_id,
        user_id=ctx.user_id,
        name=input.name,
        prefix=prefix,
        hash=hashed(secret),
        permissions=input.permissions,
        created_at=ctx.now,
        expires_at=expires_at,
    )
    [key] = await tx.all(API_KEY.stored, ids=[key_id])
    return CreatedApiKey(secret, key)


@operation(
    "apiKeys.revoke",
    who=Permission.APIKEYS_WRITE_OWN,
    input=ApiKeyId,
    result=Done,
    errors=[ApiKeyNotFound],
    writes=True,
    emits=none("API keys are no things that others hear of."),
    revokes=True,
    key=Key.OPTIONAL,
)
async def revoke(ctx: Context, tx: Transaction, input: ApiKeyId) -> Done:
    """Revoke one of the caller's API keys."""
    revoked = await tx.one(REVOKE_KEY, key_id=input.id, user_id=ctx.user_id, now=ctx.now)
    if revoked is None:
        raise ApiKeyNotFound
    ctx.record("apiKey", revoked, "revokedAt")
    return Done()


def _refuse_invalid(
    ctx: Context, input: CreateApiKey, expires_at: datetime, live_keys: int
) -> None:
    """Raise `ValidationFailed` with every field that the caller may not choose so."""
    assert ctx.caller is not None
    fields = [
        FieldError(f"permissions.{position}", INVALID_CHOICE, "Give a permission of your role.")
        for position, name in enumerate(input.permissions)
        if not ctx.caller.may(Permission(name))
    ]
    if expires_at <= ctx.now:
        fields.append(FieldError("expiresAt", "TOO_SMALL", "Give a time in the future."))
    if expires_at > ctx.now + _LONGEST_LIFETIME:
        message = f"Give a time at most {_LONGEST_LIFETIME.days} days from now."
        fields.append(FieldError("expiresAt", "TOO_LARGE", message))
    if live_keys >= _MOST_KEYS:
        message = f"You already have {_MOST_KEYS} keys. Revoke one first."
        fields.append(FieldError("name", "TOO_MANY", message))
    if fields:
        raise ValidationFailed(fields=fields)
