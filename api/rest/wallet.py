"""REST routes of the caller's wallet."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services import wallet

router = APIRouter(prefix="/wallet", route_class=OperationRoute)


@router.get("", name="wallet.get", operation_id="wallet")
async def get_wallet(call: Call) -> Answer:
    return await wallet.get(call.request, call.input)


@router.get("/entries", name="wallet.entries", operation_id="walletEntries")
async def list_entries(call: Call) -> Answer:
    return await wallet.entries(call.request, call.input)
