"""The paths of the application: which methods each takes, and what FastAPI would route wrongly."""

from collections.abc import Collection, Iterable

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from api.http.exchange import path_of
from services.errors.common import MethodNotAllowed, RouteNotFound

#: The longest method that an error repeats.
_LONGEST_METHOD = 40


class Paths(BaseRoute):
    """Every path and its methods; as the first route it refuses what FastAPI would route wrongly.

    FastAPI gives ``GET /orders/quote`` to ``GET /orders/{id}``, as ``/orders/quote`` takes POST
    alone. Its patterns overlook a line feed at the end of a path.
    """

    def __init__(self, served: Iterable[tuple[str, Collection[str]]]) -> None:
        self._methods: dict[str, set[str]] = {}
        for path, methods in served:
            self._methods.setdefault(path, set()).update(methods)
        self._patterns = {
            compile_path(path)[0]: methods for path, methods in self._methods.items() if "{" in path
        }

    def methods(self, path: str) -> set[str]:
        """The methods of a path; empty where there is no such path."""
        if path in self._methods:
            return self._methods[path]
        found = (methods for known, methods in self._patterns.items() if known.fullmatch(path))
        return set().union(*found)

    def allow(self, path: str) -> str:
        """The Allow header of a path."""
        methods = self.methods(path)
        more = {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}
        return ", ".join(sorted(methods | more))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"]
        doubtful = path in self._methods or path.endswith("\n")
        wrong = doubtful and scope["method"] not in self.methods(path)
        return (Match.FULL if wrong else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(405 if self.methods(scope["path"]) else 404)


def route_not_found(scope: Scope) -> RouteNotFound:
    """The error of a request whose path nothing answers; it names method and path."""
    asked = _asked(scope)
    detail = f"There is nothing at {asked['method']} {asked['path']}."
    return RouteNotFound(detail, details=asked)


def method_not_allowed(scope: Scope) -> MethodNotAllowed:
    """The error of a request whose path takes other methods; it names method and path."""
    asked = _asked(scope)
    detail = f"{asked['path']} does not take {asked['method']}."
    return MethodNotAllowed(detail, details=asked)


def _asked(scope: Scope) -> dict[str, str]:
    return {"method": scope["method"][:_LONGEST_METHOD], "path": path_of(scope)}
