"""Finding a route: the dispatch table and FastAPI's own routing lead to the same place."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope

from api.app import create_app
from api.fast.dispatch import DispatchTable, Target
from api.http.paths import Paths
from api.rest.operation_route import OperationRoute
from services.process import new_process
from services.settings.settings import Settings
from tests.conftest import client_of, running
from tests.shop import Shop


async def _nothing(scope: Scope, receive: Receive) -> ASGIApp:
    raise AssertionError("Nobody calls this.")


TARGETS = [
    Target(path, methods, _nothing)
    for path, methods in (
        ("/", {"GET"}),
        ("/orders/{id}", {"GET"}),
        ("/orders/{id}", {"PATCH"}),
        ("/orders/quote", {"POST"}),
        ("/orders/export", {"GET"}),
        ("/{kind}/{id}/history", {"GET"}),
        ("/orders/{id}/history", {"GET"}),
    )
]
TABLE = DispatchTable(TARGETS)
PATHS = Paths((target.path, target.methods) for target in TARGETS)


@pytest.mark.parametrize(
    ("path", "methods", "parameters"),
    [
        ("/", {"GET"}, {}),
        ("/orders/7", {"GET", "PATCH"}, {"id": "7"}),
        # A word of another route is no id.
        ("/orders/quote", {"POST"}, {}),
        ("/orders/export", {"GET"}, {}),
        ("/orders/7/history", {"GET"}, {"id": "7"}),
        ("/users/7/history", {"GET"}, {"kind": "users", "id": "7"}),
        ("/orders/7\n", {"GET", "PATCH"}, {"id": "7\n"}),
        ("/orders/export\n", {"GET", "PATCH"}, {"id": "export\n"}),
    ],
)
def test_a_path_finds_its_methods_and_parameters(
    path: str, methods: set[str], parameters: dict[str, str]
) -> None:
    found = TABLE.find(path)
    assert found is not None
    assert (set(found[0].by_method), found[1]) == (methods, parameters)


@pytest.mark.parametrize(
    "path", ["", "/orders", "/orders/", "/orders//history", "/orders/7/history/"]
)
def test_a_path_of_another_shape_finds_nothing(path: str) -> None:
    assert TABLE.find(path) is None
    assert PATHS.methods(path) == set()


def test_the_allowed_methods_are_those_of_every_route_of_a_path() -> None:
    assert PATHS.allow("/orders/7") == "GET, HEAD, OPTIONS, PATCH"
    assert PATHS.allow("/orders/quote") == "OPTIONS, POST"


def test_a_parameter_that_is_part_of_a_segment_is_refused() -> None:
    for path in ("/files/{name}.pdf", "/files/{path:path}"):
        with pytest.raises(ValueError, match="one whole segment"):
            DispatchTable([Target(path, {"GET"})])


ADDRESSES = [
    ("GET", "/api/v2/products/{product}", 200),
    ("GET", "/api/v1/products/{product}", 200),
    ("GET", "/api/products/{product}", 200),
    ("PATCH", "/api/v2/products/{product}", 400),
    ("PUT", "/api/v1/products/{product}", 400),
    ("PUT", "/api/products/{product}", 400),
    ("PUT", "/api/v2/products/{product}", 405),
    ("GET", "/api/v2/orders/quote", 405),
    ("OPTIONS", "/api/v2/orders/quote", 204),
    ("OPTIONS", "/api/v1/products/{product}", 204),
    ("GET", "/api/v2/orders/quote%0A", 401),
    ("GET", "/api/v2/products%0A", 404),
    ("GET", "/api/v2/orders//history", 404),
    ("GET", "/api/v3/products", 404),
    ("PUT", "/graphql", 405),
    ("GET", "/graphql%0A", 404),
    ("GET", "/docs%0A", 404),
    ("DELETE", "/docs", 405),
    ("GET", "/docs", 200),
]


@pytest.fixture(scope="module")
async def clients(settings: Settings) -> AsyncIterator[dict[bool, httpx.AsyncClient]]:
    """Two applications in this process, by whether they are on the fast paths."""
    async with AsyncExitStack() as stack:
        found = {}
        for fast in (True, False):
            changes = {"fast_paths": fast, "public_url": f"http://fast-{fast}".lower()}
            process = new_process(settings.model_copy(update=changes))
            app = await stack.enter_async_context(running(create_app(process)))
            found[fast] = await stack.enter_async_context(client_of(app))
        yield found


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(("method", "path", "status"), ADDRESSES)
async def test_an_address_leads_to_the_same_place_on_the_fast_paths_and_off_them(
    clients: dict[bool, httpx.AsyncClient],
    shop: Shop,
    fast: bool,
    method: str,
    path: str,
    status: int,
) -> None:
    product = await shop.product()
    path = path.format(product=product.id)
    response = await clients[fast].request(method, path)
    assert response.status_code == status
    if status in (204, 405):
        assert "OPTIONS" in response.headers["allow"]
    if status == 405 or "ROUTE_NOT_FOUND" in response.text:
        assert f'"details":{{"method":"{method}","path":"{path}"}}' in response.text


async def test_two_applications_of_one_process_answer_each_with_its_own_settings(
    clients: dict[bool, httpx.AsyncClient],
) -> None:
    for fast, client in clients.items():
        body = (await client.get("/api/v2/products/nothing")).json()
        assert body["code"] == "PRODUCT_NOT_FOUND"
        assert body["type"].startswith(f"http://fast-{fast}/".lower())


async def test_off_the_fast_paths_fastapi_finds_the_route(
    clients: dict[bool, httpx.AsyncClient], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    matched: list[str] = []
    matches = OperationRoute.matches

    def noted(route: OperationRoute, scope: Scope) -> tuple[Match, Scope]:
        match, child = matches(route, scope)
        matched.extend([route.operation.name] * (match is Match.FULL))
        return match, child

    monkeypatch.setattr(OperationRoute, "matches", noted)
    path = f"/api/v2/products/{(await shop.product()).id}"
    assert (await clients[True].get(path)).status_code == 200
    assert matched == []
    assert (await clients[False].get(path)).status_code == 200
    assert set(matched) == {"products.get"}
