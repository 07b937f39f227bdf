"""Wallets: a user's money."""

from typing import Any

import strawberry

from schema.connections import Connection, paged
from schema.deposits import Deposit
from schema.fields import Info, field, relation
from schema.node import Node
from schema.orders import Order
from schema.views import enum, mirror
from services import deposits, orders, wallet
from services.wallet import TransferKind
from services.wallet import Wallet as WalletView
from services.wallet import WalletEntry as WalletEntryView

enum(
    TransferKind,
    DEPOSIT="Money brought in.",
    PAYMENT="An order was paid.",
    REFUND="A payment was given back.",
)


@mirror(WalletEntryView)
class WalletEntry(Node):
    order: Order | None = relation(
        orders.by_ids, lambda entry: entry.order_id, Order, "The order paid or refunded."
    )
    deposit: Deposit | None = relation(
        deposits.by_ids, lambda entry: entry.deposit_id, Deposit, "The deposit that brought it."
    )


@mirror(WalletView)
class Wallet(Node):
    @field(wallet.entries, "Wallet.entries", Connection[WalletEntry])
    async def entries(self, info: Info, raw: dict[str, Any]) -> object:
        return await wallet.entries(info.context.request, paged(info, raw))

    @field(deposits.list_, "Wallet.deposits", Connection[Deposit])
    async def deposits(self, info: Info, raw: dict[str, Any]) -> object:
        return await deposits.list_(info.context.request, paged(info, raw))


@strawberry.type
class Query:
    @field(wallet.get, "wallet", Wallet)
    async def own_wallet(self, info: Info, raw: dict[str, Any]) -> object:
        return await wallet.get(info.context.request, raw)
