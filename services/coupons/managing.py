"""Operations of coupons: managers list and change them, buyers check them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct
from pydantic import Field, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel

from persistence.coupons.statements import (
    CHANGING,
    EVER_REDEEMED,
    INSERT_COUPON,
    LOCK_COUPON,
    UPDATE_COUPON,
)
from persistence.coupons.tables import CouponKind
from persistence.coupons.views import COUPON, COUPONS, Coupon
from persistence.database.failures import UniqueViolation
from persistence.database.transactions import Transaction
from services.access.permissions import Permission
from services.amounts import PercentOrPrice, Price, currency_of
from services.coupons import steps
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.errors.coupons import (
    CouponCodeTaken,
    CouponExhausted,
    CouponExpired,
    CouponFrozen,
    CouponInvalid,
    CouponNotFound,
)
from services.events import audience, types
from services.events.emitting import emit
from services.money import PERCENT, Currency, currency
from services.operation import paging
from services.operation.context import Context, Request, viewer_values_for_relation
from services.operation.declaration import Key
from services.operation.inputs import (
    CouponCode,
    Flag,
    Input,
    Instant,
    Line,
    Lines,
    PathId,
    formed,
    wrong,
)
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.operation.patches import ABSENT, Patch, changes

_CODE = "[A-Za-z0-9_-]{3,40}"
#: The code of a new coupon. Buyers may give it in any case.
NewCode = Annotated[
    Line,
    Field(
        pattern=formed(
            f"^{_CODE}$", "Give 3 to 40 letters from A to Z, digits, hyphens or underscores."
        ),
        json_schema_extra={"pattern": _CODE},
    ),
]
Limit = Annotated[int, Field(ge=1, le=1_000_000)]
Words = Annotated[Lines, Field(min_length=1, max_length=500)]
_HIGHEST_PERCENT = 100


class CouponOffer(Struct, frozen=True, rename="camel"):
    """The discount a coupon gives now. It may no longer apply when the order is placed."""

    code: Annotated[str, Meta(description="The coupon's code, as the shop writes it.")]
    subtotal: Annotated[Decimal, Meta(description="The subtotal that was given.")]
    discount: Annotated[
        Decimal, Meta(description="The amount that the coupon takes off the subtotal.")
    ]
    total: Annotated[Decimal, Meta(description="The amount left to pay.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]


class CouponId(Input):
    """The coupon."""

    id: PathId = Field(description="The coupon's id.")


class ListCoupons(Paged):
    """Filters and sort of the list of coupons."""

    code: CouponCode | None = Field(None, description="The coupon's code; case does not matter.")
    is_active: Flag | None = Field(
        None, description="True for active coupons only, false for deactivated ones only."
    )
    sort: Literal["-createdAt", "createdAt", "code", "-code"] = Field(
        "-createdAt", description="How the list is sorted."
    )


class CreateCoupon(Input):
    """A new coupon."""

    code: NewCode = Field(
        description="3 to 40 letters, digits, - or _; unique regardless of case.",
        examples=["WELCOME10"],
    )
    kind: CouponKind = Field(
        description="Whether the value is a percentage or an amount.", strict=False
    )
    value: PercentOrPrice = Field(
        description="A percentage of the subtotal, at most 100, or an amount.", examples=["10.00"]
    )
    description: Words | None = Field(
        None, description="The coupon's purpose, for the shop's staff."
    )
    starts_at: Instant | None = Field(
        None, description="Time from which the coupon is valid; at once if absent."
    )
    ends_at: Instant | None = Field(
        None, description="Time before which the coupon is valid; without an end if absent."
    )
    minimum_order: Price | None = Field(
        None, description="Lowest subtotal that the coupon applies to."
    )
    usage_limit: Limit | None = Field(
        None, description="Highest number of orders that may redeem the coupon."
    )
    per_user_limit: Limit | None = Field(
        None, description="Highest number of orders of one user that may redeem the coupon."
    )

    @model_validator(mode="after")
    def _refuse_conflicts(self, info: ValidationInfo) -> Self:
        conflicts = _find_conflicts(
            self.kind, self.value, self.starts_at, self.ends_at, currency_of(info)
        )
        for conflict in conflicts:
            raise wrong(conflict.code, conflict.message, conflict.field)
        return self


class UpdateCoupon(Patch):
    """The changes to a coupon. Absent fields stay as they are."""

    id: PathId = Field(description="The coupon's id.")
    code: NewCode = Field(
        ABSENT,
        description="3 to 40 letters, digits, - or _; unique regardless of case.",
        examples=["WELCOME10"],
    )
    kind: CouponKind = Field(
        ABSENT, description="Whether the value is a percentage or an amount.", strict=False
    )
    value: PercentOrPrice = Field(
        ABSENT,
        description="A percentage of the subtotal, at most 100, or an amount.",
        examples=["10.00"],
    )
    description: Words | None = Field(
        None, description="The coupon's purpose, for the shop's staff; null clears it."
    )
    starts_at: Instant | None = Field(
        None, description="Time from which the coupon is valid; null for at once."
    )
    ends_at: Instant | None = Field(
        None, description="Time before which the coupon is valid; null for no end."
    )
    minimum_order: Price | None = Field(
        None, description="Lowest subtotal that the coupon applies to; null for any."
    )
    usage_limit: Limit | None = Field(
        None, description="Highest number of orders that may redeem the coupon; null for no limit."
    )
    per_user_limit: Limit | None = Field(
        None,
        description="Highest number of orders of one user that may redeem it; null for no limit.",
    )
    is_active: bool = Field(
        ABSENT, description="False deactivates the coupon, true activates it again."
    )


class CheckCoupon(Input):
    """A coupon's code, and the subtotal of a planned order."""

    code: CouponCode = Field(
        description="The coupon's code; case does not matter.", examples=["WELCOME10"]
    )
    subtotal: Price = Field(description="Sum of the lines to buy.", examples=["49.90"])


@operation(
    "coupons.list",
    who=Permission.COUPONS_READ_ALL,
    input=ListCoupons,
    result=Coupon,
    paged=True,
)
async def list_(ctx: Context, input: ListCoupons) -> Page[Coupon]:
    """List all coupons, newest first."""
    filters = {"code": input.code, "isActive": input.is_active}
    return await paging.page(ctx, COUPONS, input, input.sort, filters)


@operation(
    "coupons.get",
    who=Permission.COUPONS_READ_ALL,
    input=CouponId,
    result=Coupon,
    errors=[CouponNotFound],
)
async def get(ctx: Context, input: CouponId) -> Coupon:
    """Read one coupon."""
    coupon = await ctx.reader.one(COUPON.by_ids, ids=[input.id], **ctx.viewer_values)
    if coupon is None:
        raise CouponNotFound
    return coupon


@operation(
    "coupons.create",
    who=Permission.COUPONS_WRITE_ALL,
    input=CreateCoupon,
    result=Coupon,
    errors=[CouponCodeTaken],
    writes=True,
    emits=(types.COUPON_CREATED,),
    key=Key.OPTIONAL,
)
async def create(ctx: Context, tx: Transaction, input: CreateCoupon) -> Coupon:
    """Create a coupon.

    A coupon takes a percentage, rounded to the minor unit of the currency, or an amount off an
    order's subtotal. At least one minor unit (in EUR: one cent) is always left to pay.
    """
    coupon_id = ctx.new_id()
    ctx.record("coupon", coupon_id, *sorted(to_camel(name) for name in input.model_fields_set))
    try:
        await tx.all(
            INSERT_COUPON,
            id=coupon_id,
            code=input.code,
            kind=input.kind,
            value=_decimals_of(input.kind, currency(ctx.settings.currency)).rounded(input.value),
            currency=ctx.settings.currency,
            description=input.description,
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            minimum_order=input.minimum_order,
            usage_limit=input.usage_limit,
            per_user_limit=input.per_user_limit,
            created_at=ctx.now,
        )
    except UniqueViolation:
        raise CouponCodeTaken from None
    coupon = await _load_coupon(tx, coupon_id)
    emit(ctx, types.COUPON_CREATED, coupon, audience.of_coupon())
    return coupon


@operation(
    "coupons.update",
    who=Permission.COUPONS_WRITE_ALL,
    input=UpdateCoupon,
    result=Coupon,
    errors=[CouponNotFound, CouponCodeTaken, CouponFrozen],
    writes=True,
    emits=(types.COUPON_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def update(ctx: Context, tx: Transaction, input: UpdateCoupon) -> Coupon:
    """Change a coupon.

    Once any order has redeemed a coupon, the coupon can only be ended: by an earlier endsAt, or by
    deactivating it. A cancelled order counts as well.
    """
    coupon = await _lock_coupon(ctx, tx, input.id)
    changed = changes(input, _columns(coupon))
    merged = {**_columns(coupon), **changed}
    conflicts = _find_conflicts(
        merged["kind"],
        merged["value"],
        merged["starts_at"],
        merged["ends_at"],
        currency(coupon.currency),
    )
    if conflicts:
        raise ValidationFailed(fields=conflicts)
    if await tx.one(EVER_REDEEMED, coupon_id=coupon.id):
        _refuse_frozen(coupon, changed)
    return await _write_changes(ctx, tx, coupon, changed)


@operation(
    "coupons.deactivate",
    who=Permission.COUPONS_WRITE_ALL,
    input=CouponId,
    result=Coupon,
    errors=[CouponNotFound],
    writes=True,
    emits=(types.COUPON_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def deactivate(ctx: Context, tx: Transaction, input: CouponId) -> Coupon:
    """Deactivate a coupon. Orders that hold it keep their discount."""
    coupon = await _lock_coupon(ctx, tx, input.id)
    return await _write_changes(ctx, tx, coupon, {"is_active": False} if coupon.is_active else {})


@operation(
    "coupons.check",
    who=Permission.COUPONS_READ_PUBLIC,
    input=CheckCoupon,
    result=CouponOffer,
    errors=[CouponInvalid, CouponExpired, CouponExhausted],
    body=True,
)
async def check(ctx: Context, input: CheckCoupon) -> CouponOffer:
    """Calculate the discount that a coupon gives the caller now; nothing is held."""
    terms = await steps.load_terms(ctx.reader, input.code)
    discount = await steps.discount(ctx, ctx.reader, terms, input.subtotal)
    return CouponOffer(
        terms.code, input.subtotal, discount, input.subtotal - discount, terms.currency
    )


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Coupon]:
    """Load the coupons that the caller may see, by id; relation of orders."""
    rows = await request.reader.all(
        COUPON.by_ids, ids=list(ids), **viewer_values_for_relation(request, "coupons")
    )
    return {row.id: row for row in rows}


def _decimals_of(kind: str, currency: Currency) -> Currency:
    """The currency, or per cent, whose decimals a coupon's value has."""
    return PERCENT if kind == CouponKind.PERCENT else currency


def _columns(coupon: Coupon) -> dict[str, Any]:
    return {name: getattr(coupon, name) for name in CHANGING}


async def _load_coupon(tx: Transaction, coupon_id: str) -> Coupon:
    [coupon] = await tx.all(COUPON.stored, ids=[coupon_id])
    return coupon


async def _lock_coupon(ctx: Context, tx: Transaction, coupon_id: str) -> Coupon:
    """Lock and load the coupon; no order can redeem it until COMMIT. Raises `CouponNotFound`."""
    if await tx.one(LOCK_COUPON, coupon_id=coupon_id) is None:
        raise CouponNotFound
    coupon = await _load_coupon(tx, coupon_id)
    ctx.refresh_now()
    ctx.record("coupon", coupon.id)
    ctx.match(coupon)
    return coupon


def _refuse_frozen(coupon: Coupon, changed: Mapping[str, Any]) -> None:
    """Raise `CouponFrozen` unless the changes only end the coupon, or end it earlier."""
    ends_at = changed.get("ends_at")
    ending = {"is_active"} if changed.get("is_active") is False else set[str]()
    if ends_at is not None and (coupon.ends_at is None or ends_at < coupon.ends_at):
        ending.add("ends_at")
    frozen = sorted(to_camel(name) for name in changed.keys() - ending)
    if frozen:
        message = "The coupon was redeemed, so this field cannot change."
        raise CouponFrozen(fields=[FieldError(name, "FROZEN", message) for name in frozen])


async def _write_changes(
    ctx: Context, tx: Transaction, coupon: Coupon, changed: Mapping[str, Any]
) -> Coupon:
    """Update the coupon if anything changed, and tell of it; raises `CouponCodeTaken`."""
    ctx.record("coupon", coupon.id, *sorted(to_camel(name) for name in changed))
    if not changed:
        return coupon
    after = {**_columns(coupon), **changed}
    decimals = _decimals_of(after["kind"], currency(coupon.currency))
    after["value"] = decimals.rounded(after["value"])
    new = {f"new_{name}": value for name, value in after.items()}
    try:
        await tx.all(UPDATE_COUPON, coupon_id=coupon.id, **new)
    except UniqueViolation:
        raise CouponCodeTaken from None
    stored = await _load_coupon(tx, coupon.id)
    emit(ctx, types.COUPON_UPDATED, stored, audience.of_coupon())
    return stored


def _find_conflicts(
    kind: str,
    value: Decimal,
    starts_at: datetime | None,
    ends_at: datetime | None,
    currency: Currency,
) -> list[FieldError]:
    """The errors of a coupon's fields taken together."""
    conflicts: list[FieldError] = []
    decimals = _decimals_of(kind, currency)
    if value != decimals.rounded(value):
        message = f"Give a multiple of {decimals.unit}."
        conflicts.append(FieldError("value", "INVALID_FORMAT", message))
    if kind == CouponKind.PERCENT and value > _HIGHEST_PERCENT:
        conflicts.append(
            FieldError("value", "TOO_LARGE", f"Give at most {_HIGHEST_PERCENT} percent.")
        )
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        conflicts.append(FieldError("endsAt", "CONFLICT", "Give a time later than startsAt."))
    return conflicts
