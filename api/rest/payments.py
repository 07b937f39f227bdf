"""REST routes of payments."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services import payments

router = APIRouter(prefix="/payments", route_class=OperationRoute)


@router.get("", name="payments.list", operation_id="payments")
async def list_payments(call: Call) -> Answer:
    return await payments.list_(call.request, call.input)


@router.get("/{id}", name="payments.get", operation_id="payment")
async def get_payment(call: Call) -> Answer:
    return await payments.get(call.request, call.input)
