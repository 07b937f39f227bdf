"""Every route of REST, and the prefixes under which they are mounted."""

from collections.abc import Iterator

from fastapi import APIRouter

from api.rest import (
    api_keys,
    approvals,
    audit,
    auth,
    categories,
    comments,
    coupons,
    deposits,
    events,
    invoices,
    jobs,
    orders,
    payments,
    posts,
    products,
    projects,
    refunds,
    reports,
    sessions,
    uploads,
    users,
    wallet,
)
from api.rest.aliases import ALIASES
from api.rest.dialect import Dialect
from api.rest.operation_route import OperationRoute
from api.rest.versions import DIALECTS

_NOUNS = (
    api_keys,
    approvals,
    audit,
    auth,
    categories,
    comments,
    coupons,
    deposits,
    events,
    invoices,
    jobs,
    orders,
    payments,
    posts,
    products,
    projects,
    refunds,
    reports,
    sessions,
    uploads,
    users,
    wallet,
)

#: The route of every operation.
ROUTES = [
    route for noun in _NOUNS for route in noun.router.routes if isinstance(route, OperationRoute)
]
#: Where every operation lives within a version: its method and path.
ADDRESSES = {route.operation.name: (route.method, route.path) for route in ROUTES}


def routes_of(dialect: Dialect) -> Iterator[OperationRoute]:
    """The routes of a dialect: each as it is declared, then under its older method."""
    for route in ROUTES:
        yield route
        if older := dialect.older_methods.get(route.method):
            yield OperationRoute(
                route.path,
                route.handler,
                methods=[older],
                name=route.name,
                operation_id=f"{route.operation_id}By{older.capitalize()}",
                status_code=route.status_code,
                deprecated=True,
            )


_V1 = APIRouter(routes=list(routes_of(DIALECTS["v1"])))
_V2 = APIRouter(routes=list(routes_of(DIALECTS["v2"])))
_BARE = APIRouter(routes=[*_V1.routes, *ALIASES])
#: The router under each prefix; addresses without a version answer as v1.
MOUNTS = {DIALECTS["v2"].prefix: _V2, DIALECTS["v1"].prefix: _V1, "/api": _BARE}


def mounted() -> Iterator[tuple[str, OperationRoute]]:
    """Every path at which a route answers, and the route."""
    for prefix, router in MOUNTS.items():
        for route in router.routes:
            assert isinstance(route, OperationRoute)
            yield prefix + route.path, route
