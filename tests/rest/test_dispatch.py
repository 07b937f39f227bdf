"""The route table: found by shape, and otherwise as Starlette would."""

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from api.fast.dispatch import RouteTable


async def _nothing(_: Request) -> Response:
    return Response()


def route(path: str, *methods: str) -> Route:
    return Route(path, _nothing, methods=methods, name=f"{'/'.join(methods)} {path}")


ROUTES = [
    route("/", "GET"),
    route("/orders/{id}", "GET"),
    route("/orders/{id}", "PATCH"),
    route("/orders/quote", "POST"),
    route("/orders/export", "GET"),
    route("/{kind}/{id}/history", "GET"),
    route("/orders/{id}/history", "GET"),
]
TABLE = RouteTable(ROUTES)


@pytest.mark.parametrize(
    ("method", "path", "match", "name", "parameters"),
    [
        ("GET", "/", Match.FULL, "GET /", {}),
        ("GET", "/orders/7", Match.FULL, "GET /orders/{id}", {"id": "7"}),
        ("PATCH", "/orders/7", Match.FULL, "PATCH /orders/{id}", {"id": "7"}),
        ("POST", "/orders/quote", Match.FULL, "POST /orders/quote", {}),
        ("GET", "/orders/export", Match.FULL, "GET /orders/export", {}),
        # A word of our own is no id.
        ("GET", "/orders/quote", Match.PARTIAL, "POST /orders/quote", {}),
        ("GET", "/orders/7/history", Match.FULL, "GET /orders/{id}/history", {"id": "7"}),
        ("DELETE", "/orders/7", Match.PARTIAL, "GET /orders/{id}", {"id": "7"}),
        ("GET", "/orders/", Match.NONE, None, None),
        ("GET", "/orders", Match.NONE, None, None),
        ("GET", "/orders/7\n", Match.FULL, "GET /orders/{id}", {"id": "7\n"}),
        ("GET", "/orders/export\n", Match.FULL, "GET /orders/{id}", {"id": "export\n"}),
        ("GET", "/orders/7/history/", Match.NONE, None, None),
        ("GET", "", Match.NONE, None, None),
    ],
)
def test_a_path_finds_its_route(
    method: str, path: str, match: Match, name: str | None, parameters: dict[str, str] | None
) -> None:
    found, scope = TABLE.matches({"type": "http", "method": method, "path": path})
    assert found is match
    if name is not None:
        assert scope["tandem.route"].name == name
        assert scope["path_params"] == parameters


def test_methods_are_those_of_every_route_of_a_path() -> None:
    assert TABLE.methods("/orders/7") == ["GET", "HEAD", "OPTIONS", "PATCH"]
    assert TABLE.methods("/orders/quote") == ["OPTIONS", "POST"]


def test_a_parameter_that_is_part_of_a_segment_is_refused() -> None:
    for path in ("/files/{name}.pdf", "/files/{path:path}"):
        with pytest.raises(ValueError, match="one whole segment"):
            RouteTable([route(path, "GET")])
