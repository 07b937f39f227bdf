"""Deposits: money that the payment provider brings into a wallet."""

from typing import Any

import strawberry

from schema.building.fields import Info, field, write_options
from schema.building.reads import read
from schema.building.types import enum, mirror
from schema.node import Node
from services.deposits import depositing as deposits
from services.deposits.depositing import Deposit as DepositView
from services.deposits.depositing import DepositStatus

enum(
    DepositStatus,
    PENDING="The provider has not decided yet.",
    SUCCEEDED="The money is in the wallet.",
    FAILED="The provider declined; see failureCode.",
)


@mirror(DepositView)
class Deposit(Node):
    pass


@strawberry.type
class Query:
    deposit = read(deposits.get, "deposit", Deposit)


@strawberry.type
class Mutation:
    @field(deposits.create, "createDeposit", Deposit)
    async def create_deposit(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await deposits.create(info.context.request, raw, **options)
