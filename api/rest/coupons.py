"""REST routes of coupons."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services.coupons import managing as coupons

router = APIRouter(route_class=OperationRoute)


@router.get("/admin/coupons", name="coupons.list", operation_id="coupons")
async def list_coupons(call: Call) -> Answer:
    return await coupons.list_(call.request, call.input)


@router.get("/admin/coupons/{id}", name="coupons.get", operation_id="coupon")
async def get_coupon(call: Call) -> Answer:
    return await coupons.get(call.request, call.input)


@router.post("/admin/coupons", name="coupons.create", operation_id="createCoupon", status_code=201)
async def create_coupon(call: Call) -> Answer:
    coupon = await coupons.create(call.request, call.input, key=call.key)
    return Created(coupon, f"/admin/coupons/{coupon.id}")


@router.patch("/admin/coupons/{id}", name="coupons.update", operation_id="updateCoupon")
async def update_coupon(call: Call) -> Answer:
    return await coupons.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.post(
    "/admin/coupons/{id}/deactivate", name="coupons.deactivate", operation_id="deactivateCoupon"
)
async def deactivate_coupon(call: Call) -> Answer:
    return await coupons.deactivate(call.request, call.input, key=call.key, if_match=call.if_match)


@router.post("/coupons/check", name="coupons.check", operation_id="checkCoupon")
async def check_coupon(call: Call) -> Answer:
    return await coupons.check(call.request, call.input)
