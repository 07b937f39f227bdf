"""REST routes of deposits."""

from api.rest.calls import Answer, Call, Created, route
from services.deposits import depositing as deposits


@route("createDeposit", "POST", "/wallet/deposits", deposits.create, status=201)
async def create_deposit(call: Call) -> Answer:
    deposit = await deposits.create(call.request, call.input, key=call.key)
    return Created(deposit, f"/wallet/deposits/{deposit.id}")


@route("deposits", "GET", "/wallet/deposits", deposits.list_)
async def list_deposits(call: Call) -> Answer:
    return await deposits.list_(call.request, call.input)


@route("deposit", "GET", "/wallet/deposits/{id}", deposits.get)
async def get_deposit(call: Call) -> Answer:
    return await deposits.get(call.request, call.input)
