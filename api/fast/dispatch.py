"""Finding a route by the shape of its path.

Starlette tries one route after another, a microsecond each: with two faces in three versions that
costs more than all else between the socket and the operation. Here a path is looked up.
"""

from collections.abc import Iterable
from typing import Any

from starlette.convertors import StringConvertor
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_CHOSEN = "tandem.route"


class OwnRoute:
    """A route whose ``app`` needs nothing of the framework around it: no dependencies, no stack
    of exits, no handlers of exceptions but the edge's."""

    app: ASGIApp


class RouteTable(BaseRoute):
    """Many routes as one; where several fit a path, those with the fewest parameters are it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        # By the number of segments: which of them are literal → their words → the routes.
        self._shapes: dict[int, dict[tuple[int, ...], dict[tuple[str, ...], list[Route]]]] = {}
        for route in routes:
            self._add(route)
        for count, shapes in self._shapes.items():
            ordered = sorted(shapes.items(), key=lambda item: -len(item[0]))
            self._shapes[count] = dict(ordered)

    def at(self, path: str) -> list[Route]:
        """Every route of a path, whatever its method."""
        segments = path.split("/")
        for places, by_words in self._shapes.get(len(segments), {}).items():
            if found := by_words.get(tuple([segments[place] for place in places])):
                return found
        return []

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        partial: tuple[Match, Scope] = Match.NONE, {}
        if scope["type"] != "http":
            return partial
        for route in self.at(scope["path"]):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, _CHOSEN: route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**child, _CHOSEN: route}
        return partial

    def dispatch_directly(self, app: ASGIApp) -> ASGIApp:
        """The application that sends a request to its own route at once, and others to ``app``.

        Saves the framework's five layers around a route, 13 µs; of what is no plain match, the
        framework tells as always.
        """

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                for route in self.at(scope["path"]):
                    if isinstance(route, OwnRoute) and scope["method"] in (route.methods or ()):
                        if found := route.path_regex.match(scope["path"]):
                            scope["path_params"] = found.groupdict()
                            await route.app(scope, receive, send)
                            return
            await app(scope, receive, send)

        return answer

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_CHOSEN].handle(scope, receive, send)

    def methods(self, path: str) -> list[str]:
        """Every method that some route takes at this path."""
        methods = {"OPTIONS"}.union(*(route.methods or () for route in self.at(path)))
        return sorted(methods | {"HEAD"} if "GET" in methods else methods)

    def _add(self, route: Route) -> None:
        segments = route.path.split("/")
        literal = tuple(place for place, word in enumerate(segments) if "{" not in word)
        parameters = [word for word in segments if "{" in word]
        plain = all(type(one) is StringConvertor for one in route.param_convertors.values())
        if not plain or any(word[0] + word[-1] != "{}" for word in parameters):
            raise ValueError(f"{route.path}: a parameter must be one whole segment.")
        words: Any = tuple(segments[place] for place in literal)
        shapes = self._shapes.setdefault(len(segments), {})
        shapes.setdefault(literal, {}).setdefault(words, []).append(route)
