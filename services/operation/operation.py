"""Operations: declarations that faces, jobs and the command line can call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from services.access.permissions import Permission, System
from services.errors.base import TandemError
from services.operation.context import Request, Wanted
from services.operation.declaration import Declaration, In, Step
from services.operation.running import read, write

Out = TypeVar("Out")


class Operation(Declaration[In], Generic[In, Out]):
    """A declared operation; every call of it raises only `TandemError`."""

    async def __call__(
        self,
        request: Request,
        raw: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
        wanted: Wanted | None = None,
    ) -> Out:
        """Call with raw values by their wire names.

        A read that is told what is ``wanted`` may answer with only these fields.
        """
        if self.writes:
            return await write(self, request, raw or {}, key=key, if_match=if_match)
        return await read(self, request, raw or {}, wanted=wanted)

    async def encoded(self, request: Request, raw: Mapping[str, Any]) -> Any:
        """Read; a cacheable answer may come `Encoded`, as the cache stores it.

        This saves decoding the answer into an object and encoding that object again.
        """
        return await read(self, request, raw, encoded=request.process.cache.serves_encoded)

    async def by_system(self, request: Request, raw: Mapping[str, Any]) -> Out:
        """Call for a job or the command line: no token, no quota, no actor in the audit row.

        No face calls this.
        """
        if self.writes:
            return await write(self, request, raw, by_system=True)
        return await read(self, request, raw, by_system=True)

    async def of(
        self, request: Request, parents: Sequence[str], raw: Mapping[str, Any] | None = None
    ) -> dict[str, Out | TandemError]:
        """Call a nested read for many parents at once; each has a result or an error."""
        return await read(self, request, raw or {}, parents=parents)


def operation(
    name: str,
    *,
    who: Permission | System | None,
    result: Any,
    input: type[In],
    errors: Sequence[type[TandemError]] = (),
    **options: Any,
) -> Callable[[Step], Operation[In, Any]]:
    """Declare the function below as an operation; see `Declaration` for the options."""

    def declare(run: Step) -> Operation[In, Any]:
        return Operation(
            name=name,
            run=run,
            who=None if isinstance(who, System) else who,
            internal=isinstance(who, System),
            input=input,
            result=result,
            errors=frozenset(errors),
            **options,
        )

    return declare
