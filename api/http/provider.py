"""Where the payment provider sends its events: signed, and no operation of ours."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.deposits import provider_events as provider
from services.operation.context import Process


def provider_routes(process: Process) -> list[Route]:
    """``POST /provider/webhook``, which answers 204 once the event is recorded."""

    async def webhook(http: Request) -> Response:
        # As it was sent, byte for byte: that is what is signed.
        body = await http.body()
        await provider.receive(process, http.state.request_id, http.headers, body)
        return Response(status_code=204)

    return [Route("/provider/webhook", webhook, methods=["POST"])]
