"""The GraphQL schema: the fields of all nouns, and the fields that find anything by its id."""

from typing import Annotated, Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from schema import (
    api_keys,
    approvals,
    audit,
    auth,
    categories,
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
from schema.building.fields import FIELDS, Info
from schema.building.loaders import SingleLoader, metadata
from schema.building.scalars import SCALARS
from schema.node import Node
from services import nodes
from services.operation.context import Request
from services.operation.error_translation import translate_errors

__all__ = ["FIELDS", "SCHEMA", "sdl"]


Id = Annotated[strawberry.ID, strawberry.argument(description="An id of any type.")]
Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description="Ids of any type, 100 at the most.")
]


async def _node(request: Request, given: dict[str, Any]) -> Any:
    [found] = await translate_errors(nodes.by_ids, request, [given["id"]])
    return found


async def _nodes(request: Request, given: dict[str, Any]) -> list[Any]:
    return await translate_errors(nodes.by_ids, request, given["ids"])


_NODE = SingleLoader(_node)
_NODES = SingleLoader(_nodes)


@strawberry.type(description="All reads.")
class Query(
    users.Query,
    categories.Query,
    products.Query,
    wallet.Query,
    deposits.Query,
    orders.Query,
    approvals.Query,
    payments.Query,
    invoices.Query,
    coupons.Query,
    posts.Query,
    projects.Query,
    reports.Query,
    uploads.Query,
    events.Query,
    audit.Query,
    jobs.Query,
):
    @strawberry.field(
        description="Anything by its id; null when unknown or not visible.",
        metadata=metadata(_NODE),
    )
    async def node(self, info: Info, id: Id) -> Node | None:
        return await _NODE.call(info.context.request, {"id": id})

    @strawberry.field(
        description="Up to 100 things by id, in order; null for what is unknown or not visible.",
        metadata=metadata(_NODES),
    )
    async def nodes(self, info: Info, ids: Ids) -> list[Node | None] | None:
        return await _NODES.call(info.context.request, {"ids": ids})


@strawberry.type(description="All writes.")
class Mutation(
    auth.Mutation,
    sessions.Mutation,
    api_keys.Mutation,
    users.Mutation,
    categories.Mutation,
    products.Mutation,
    deposits.Mutation,
    orders.Mutation,
    coupons.Mutation,
    posts.Mutation,
    projects.Mutation,
    uploads.Mutation,
    jobs.Mutation,
    refunds.Mutation,
    approvals.Mutation,
):
    pass


@strawberry.type(description="All streams.")
class Subscription(events.Subscription):
    pass


_strawberry = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[orders.OrderEvent, wallet.WalletEntry, users.PublicUser],
    config=StrawberryConfig(scalar_map=SCALARS),
)

#: The schema that validates and runs documents.
SCHEMA: GraphQLSchema = _strawberry._schema


def sdl() -> str:
    """The schema in the schema definition language."""
    return _strawberry.as_str() + "\n"
