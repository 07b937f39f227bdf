"""The webhook that receives the payment provider's signed events; it is no operation."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http.requests import new_request
from services.deposits import provider_events as provider
from services.process import Process
from services.quota.charging import charge_page


def provider_routes(process: Process) -> list[Route]:
    """``POST /provider/webhook``, which answers 204 once the event is recorded.

    An event is charged to its address, and free once it is accepted: a provider sends as many as
    there are deposits.
    """

    async def webhook(http: Request) -> Response:
        request = new_request(http.scope, "webhook")
        await charge_page(request)
        # The signature covers the bytes as they were sent.
        body = await http.body()
        await provider.receive(process, http.state.request_id, http.headers, body)
        await charge_page(request, -1)
        return Response(status_code=204)

    return [Route("/provider/webhook", webhook, methods=["POST"])]
