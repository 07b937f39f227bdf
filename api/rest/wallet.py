"""REST routes of the caller's wallet."""

from api.rest.calls import Answer, Call, route
from services import wallet


@route("wallet", "GET", "/wallet", wallet.get)
async def get_wallet(call: Call) -> Answer:
    return await wallet.get(call.request, call.input)


@route("walletEntries", "GET", "/wallet/entries", wallet.entries)
async def list_entries(call: Call) -> Answer:
    return await wallet.entries(call.request, call.input)
