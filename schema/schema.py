"""The GraphQL schema, put together from the nouns."""

from collections.abc import Sequence
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
    invoices,
    jobs,
    orders,
    payments,
    products,
    refunds,
    sessions,
    users,
    wallet,
)
from schema.fields import FIELDS, Info
from schema.node import Node
from schema.scalars import SCALARS
from services import nodes
from services.core.operation import outside

__all__ = ["FIELDS", "SCHEMA", "sdl"]


Id = Annotated[strawberry.ID, strawberry.argument(description="Any id of ours.")]
Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description="Any ids of ours, 100 at the most.")
]


@strawberry.type(description="What can be read.")
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
    audit.Query,
    jobs.Query,
):
    @strawberry.field(description="Anything by its id; null when unknown or not visible.")
    async def node(self, info: Info, id: Id) -> Node | None:
        [found] = await _nodes(info, [id])
        return found

    @strawberry.field(
        description="Up to 100 things by id, in order; null for what is unknown or not visible."
    )
    async def nodes(self, info: Info, ids: Ids) -> list[Node | None] | None:
        return await _nodes(info, ids)


@strawberry.type(description="What can be done.")
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
    jobs.Mutation,
    refunds.Mutation,
    approvals.Mutation,
):
    pass


async def _nodes(info: Info, ids: Sequence[str]) -> list[Any]:
    return await outside(nodes.by_ids, info.context.request, ids)


_strawberry = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[orders.OrderEvent, wallet.WalletEntry, users.PublicUser],
    config=StrawberryConfig(scalar_map=SCALARS),
)

#: What documents are validated against and executed on.
SCHEMA: GraphQLSchema = _strawberry._schema


def sdl() -> str:
    """The schema in the schema definition language."""
    return _strawberry.as_str() + "\n"
