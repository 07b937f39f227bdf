"""REST routes of coupons."""

from api.rest.calls import Answer, Call, Created, route
from services.coupons import managing as coupons


@route("coupons", "GET", "/admin/coupons", coupons.list_)
async def list_coupons(call: Call) -> Answer:
    return await coupons.list_(call.request, call.input)


@route("coupon", "GET", "/admin/coupons/{id}", coupons.get)
async def get_coupon(call: Call) -> Answer:
    return await coupons.get(call.request, call.input)


@route("createCoupon", "POST", "/admin/coupons", coupons.create, status=201)
async def create_coupon(call: Call) -> Answer:
    coupon = await coupons.create(call.request, call.input, key=call.key)
    return Created(coupon, f"/admin/coupons/{coupon.id}")


@route("updateCoupon", "PATCH", "/admin/coupons/{id}", coupons.update)
async def update_coupon(call: Call) -> Answer:
    return await coupons.update(call.request, call.input, key=call.key, if_match=call.if_match)


@route("deactivateCoupon", "POST", "/admin/coupons/{id}/deactivate", coupons.deactivate)
async def deactivate_coupon(call: Call) -> Answer:
    return await coupons.deactivate(call.request, call.input, key=call.key, if_match=call.if_match)


@route("checkCoupon", "POST", "/coupons/check", coupons.check)
async def check_coupon(call: Call) -> Answer:
    return await coupons.check(call.request, call.input)
