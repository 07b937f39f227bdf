"""Deposits: money that the payment provider brings into a wallet."""

import strawberry

from schema.building.fields import read, write
from schema.building.types import enum, mirror
from schema.node import Node
from services.deposits import depositing

enum(
    depositing.DepositStatus,
    PENDING="The provider has not decided yet.",
    SUCCEEDED="The money is in the wallet.",
    FAILED="The provider declined; see failureCode.",
)


@mirror(depositing.Deposit)
class Deposit(Node):
    pass


@strawberry.type
class Query:
    deposit = read(depositing.get, "deposit", Deposit)


@strawberry.type
class Mutation:
    create_deposit = write(depositing.create, "createDeposit", Deposit)
