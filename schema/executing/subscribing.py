"""`subscribe_or_answer`: begins a subscription, whose document shows every event of a stream."""

from dataclasses import dataclass
from typing import Any

import msgspec

from schema.building.loaders import without_nulls
from schema.executing.documents import Documents
from schema.executing.executable import Executable
from schema.executing.execute import (
    Answer,
    GraphQLRequest,
    admit,
    error_json,
    perform,
    refused,
    told,
)
from schema.executing.value_errors import OPERATIONS, root_values
from services.errors.base import TandemError
from services.events.envelope import Frame
from services.events.streams import EventStream
from services.operation.context import Request

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Subscription:
    """A subscription under way: its stream, and the document that shows each event."""

    request: Request
    asked: GraphQLRequest
    operation: Executable
    stream: EventStream

    async def written(self, frame: Frame) -> bytes:
        """The result for one event as JSON, made once for all callers with the same document."""
        key = self.operation, _encode(self.asked.variables)
        made = frame.made.get(key)
        if made is None:
            made = frame.made[key] = await self._made(frame)
        return made

    def ended(self, error: TandemError) -> list[dict[str, Any]]:
        """The errors that tell of the stream's end, which is no failure of the request."""
        return [error_json(self.request, error)]

    async def _made(self, frame: Frame) -> bytes:
        shown = await self.operation.show(self.request, self.asked.variables, frame.event)
        return _encode((await told(self.request, self.asked, self.operation, shown)).body)


async def subscribe_or_answer(
    documents: Documents, request: Request, asked: GraphQLRequest
) -> Subscription | Answer:
    """Begin a subscription; the answer where the document is none, or where it is refused."""
    found = await admit(documents, request, asked)
    if isinstance(found, Answer):
        return found
    asked, operation, _ = found
    if not operation.subscribes:
        return await perform(request, *found)
    [root] = operation.roots
    raw = without_nulls(root_values(operation.node, root, asked.variables))
    try:
        stream = await OPERATIONS[root.name.value](request, raw)
    except TandemError as error:
        return refused(request, error)
    return Subscription(request, asked, operation, stream)
