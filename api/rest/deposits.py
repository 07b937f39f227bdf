"""REST routes of deposits."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services.deposits import depositing as deposits

router = APIRouter(prefix="/wallet/deposits", route_class=OperationRoute)


@router.post("", name="deposits.create", operation_id="createDeposit", status_code=201)
async def create_deposit(call: Call) -> Answer:
    deposit = await deposits.create(call.request, call.input, key=call.key)
    return Created(deposit, f"/wallet/deposits/{deposit.id}")


@router.get("", name="deposits.list", operation_id="deposits")
async def list_deposits(call: Call) -> Answer:
    return await deposits.list_(call.request, call.input)


@router.get("/{id}", name="deposits.get", operation_id="deposit")
async def get_deposit(call: Call) -> Answer:
    return await deposits.get(call.request, call.input)
