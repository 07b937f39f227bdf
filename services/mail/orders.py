"""Jobs that send mails about orders to their buyers: placed, paid, shipped, refunded.

Operations queue ``mail.orderPlaced``, ``mail.orderPaid`` and ``mail.orderShipped`` with
``{"orderId"}``, and ``mail.orderRefunded`` with ``{"refundId"}``. The job reads the order when it
sends the mail. A deleted account has no address, so it gets no mail.
"""

from decimal import Decimal

from persistence.database.transactions import QueryStats
from persistence.orders.statuses import OrderStatus
from persistence.orders.views import ORDER, Order
from persistence.refunds import REFUND
from persistence.users.statements import ADDRESS_OF
from services.jobs.queue import DoNotRetry, Job
from services.mail.sending import Mail, send
from services.process import Process


async def order_placed(process: Process, job: Job) -> None:
    """Confirm to the buyer what they ordered, and say what is to be done next."""
    order = await _load_order(process, job.data["orderId"])
    text = f"""\
Hello,

thank you for your order {order.number}.

{_summary(order)}
{_next_step(order)}
"""
    await _send_to_buyer(process, job, order, f"Your order {order.number}", text)


async def order_paid(process: Process, job: Job) -> None:
    """Tell the buyer that the order is paid."""
    order = await _load_order(process, job.data["orderId"])
    text = f"""\
Hello,

thank you: your order {order.number} is paid.

{_summary(order)}
We will write again when it is on its way.
"""
    await _send_to_buyer(process, job, order, f"Your order {order.number} is paid", text)


async def order_shipped(process: Process, job: Job) -> None:
    """Tell the buyer that the order was shipped, with its tracking code if there is one."""
    order = await _load_order(process, job.data["orderId"])
    code = f"The carrier's code for it is {order.tracking_code}.\n" if order.tracking_code else ""
    text = f"""\
Hello,

your order {order.number} is on its way.
{code}
{_summary(order)}"""
    await _send_to_buyer(process, job, order, f"Your order {order.number} is on its way", text)


async def order_refunded(process: Process, job: Job) -> None:
    """Tell the buyer the refunded amount, and the refunded pieces if there are any."""
    reader = process.database.reader(QueryStats())
    refund = await reader.one(REFUND.stored, ids=[job.data["refundId"]])
    if refund is None:
        raise DoNotRetry("no such refund")
    order = await _load_order(process, refund.order_id)
    names = {line.product_id: line.name for line in order.lines}
    lines = [f"{refund.amount} {refund.currency} of your order {order.number} came back to you;"]
    lines += ["it is in your wallet.", ""]
    lines += [
        f"{line.quantity} x {names[line.product_id]}: {_amount(line.amount, order)}"
        for line in refund.lines
    ]
    lines += ["", refund.reason] if refund.reason else []
    text = "\n".join(["Hello,", "", *lines]).strip() + "\n"
    await _send_to_buyer(process, job, order, f"Refund of your order {order.number}", text)


async def _load_order(process: Process, order_id: str) -> Order:
    order = await process.database.reader(QueryStats()).one(ORDER.stored, ids=[order_id])
    if order is None:
        raise DoNotRetry("no such order")
    return order


async def _send_to_buyer(process: Process, job: Job, order: Order, subject: str, text: str) -> None:
    reader = process.database.reader(QueryStats())
    email = await reader.one(ADDRESS_OF, user_id=order.customer_id)
    if email is not None:
        await send(process.settings, Mail(email, subject, text), job.id, process.clock())


def _next_step(order: Order) -> str:
    """What the buyer does next; the order may have moved on since it was placed."""
    if order.status == OrderStatus.AWAITING_APPROVAL:
        return "We look at large orders first. It can be paid once we have approved it."
    if order.status == OrderStatus.PENDING:
        return "Its pieces are held for you until it is paid or expires."
    return "Its present status is in your account."


def _summary(order: Order) -> str:
    """The lines of the order, and its total."""
    lines = [f"{line.quantity} x {line.name}: {_amount(line.total, order)}" for line in order.lines]
    discount = [f"Discount: -{_amount(order.discount, order)}"] if order.discount else []
    total = f"Total: {_amount(order.total, order)}"
    return "\n".join(
        [*lines, "", *discount, total, f"Tax included: {_amount(order.tax, order)}", ""]
    )


def _amount(amount: Decimal, order: Order) -> str:
    return f"{amount} {order.currency}"
