"""The webhook that receives the payment provider's signed events; it is no operation."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.deposits import provider_events as provider
from services.process import Process


def provider_routes(process: Process) -> list[Route]:
    """``POST /provider/webhook``, which answers 204 once the event is recorded."""

    async def webhook(http: Request) -> Response:
        # The signature covers the bytes as they were sent.
        body = await http.body()
        await provider.receive(process, http.state.request_id, http.headers, body)
        return Response(status_code=204)

    return [Route("/provider/webhook", webhook, methods=["POST"])]
