"""Wallets: a user's money."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, relation
from schema.building.types import enum, mirror
from schema.deposits import Deposit
from schema.node import Node
from schema.orders import Order
from services import wallet
from services.deposits import depositing as deposits
from services.orders import reading as orders
from services.wallet import TransferKind

enum(
    TransferKind,
    DEPOSIT="Money brought in.",
    PAYMENT="An order was paid.",
    REFUND="A payment was given back.",
)


@mirror(wallet.WalletEntry)
class WalletEntry(Node):
    order = relation(orders.by_ids, "order_id", Order, "The order paid or refunded.")
    deposit = relation(deposits.by_ids, "deposit_id", Deposit, "The deposit that brought it.")


@mirror(wallet.Wallet)
class Wallet(Node):
    entries = read(wallet.entries, "Wallet.entries", Connection[WalletEntry])
    deposits = read(deposits.list_, "Wallet.deposits", Connection[Deposit])


@strawberry.type
class Query:
    own_wallet = read(wallet.get, "wallet", Wallet)
