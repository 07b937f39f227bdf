"""Mails about orders: what people read, and who gets none."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.errors.refunds import RefundExceedsPayment
from services.jobs.handlers import HANDLERS
from services.orders import buying as orders_buying
from services.orders import managing as orders_admin
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import (
    MailServer,
    done,
    eventually,
    free_port,
    left,
    listening,
    queue,
    working,
)


@pytest.fixture
def mails() -> Iterator[MailServer]:
    """A mail server."""
    with listening(MailServer(free_port())) as server:
        yield server


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, mails: MailServer, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop whose mails go to the mail server."""
    settings = settings_for(
        fresh_database, addresses.redis_url, job_poll_seconds=0.05, smtp_url=mails.url
    )
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def delivered(shop: Shop) -> None:
    """Run whatever is queued."""
    async with working(shop, HANDLERS):
        await done(shop)


def about(mails: MailServer, subject: str) -> list[int]:
    """The places of the mails with such a subject."""
    return [place for place, mail in enumerate(mails.mails) if mail["Subject"] == subject]


async def test_who_orders_is_told_what_they_ordered(shop: Shop, mails: MailServer) -> None:
    ada = await shop.person(balance="100.00")
    lamp = await shop.product("19.99", name="Lampe für den Tisch")
    order = await shop.order(ada, [(lamp.id, 2)])
    [job] = await shop.jobs("mail.orderPlaced")
    assert job["data"] == {"orderId": order.id}
    await delivered(shop)
    [mail] = mails.mails
    assert mails.recipients == [[ada.email]]
    assert mail["Subject"] == f"Your order {order.number}"
    assert mail["Message-ID"].startswith(f"<{job['id']}@")
    lines = mail.get_content().splitlines()
    for line in (
        f"thank you for your order {order.number}.",
        "2 x Lampe für den Tisch: 39.98 EUR",
        "Total: 39.98 EUR",
        "Its pieces are held for you until it is paid or expires.",
    ):
        assert line in lines


async def test_who_places_a_large_order_is_told_that_it_waits(
    shop: Shop, mails: MailServer
) -> None:
    await shop.large_order()
    await delivered(shop)
    [mail] = mails.mails
    sentence = "We look at large orders first. It can be paid once we have approved it."
    assert sentence in mail.get_content().splitlines()


async def test_an_order_that_is_refused_mails_nobody(shop: Shop) -> None:
    ada = await shop.person()
    with pytest.raises(Exception, match="INSUFFICIENT_FUNDS"):
        await shop.order(ada)
    assert await shop.jobs("mail.orderPlaced") == []


async def test_who_paid_is_told_what_they_bought(shop: Shop, mails: MailServer) -> None:
    ada = await shop.person(balance="100.00")
    lamp = await shop.product("19.99", name="Lampe für den Tisch")
    shade = await shop.product("5.00", name="Shade")
    order = await shop.order(ada, [(lamp.id, 2), (shade.id, 1)], paid=True)
    [job] = await shop.jobs("mail.orderPaid")
    assert job["data"] == {"orderId": order.id}
    await delivered(shop)
    [place] = about(mails, f"Your order {order.number} is paid")
    mail = mails.mails[place]
    assert mails.recipients[place] == [ada.email]
    assert mail["Message-ID"].startswith(f"<{job['id']}@")
    lines = mail.get_content().splitlines()
    assert f"thank you: your order {order.number} is paid." in lines
    for line in (
        "2 x Lampe für den Tisch: 39.98 EUR",
        "1 x Shade: 5.00 EUR",
        "Total: 44.98 EUR",
        f"Tax included: {order.tax} EUR",
    ):
        assert line in lines


async def test_who_waits_for_an_order_is_told_that_it_was_shipped_and_by_which_code(
    shop: Shop, mails: MailServer
) -> None:
    ada, manager = await shop.person(balance="100.00"), await shop.person("MANAGER")
    order = await shop.order(ada, paid=True)
    for raw in (
        {"status": "CONFIRMED"},
        {"status": "SHIPPED", "trackingCode": "JD0146"},
        {"status": "DELIVERED"},
    ):
        await orders_admin.update_status(shop.request(manager), {"id": order.id, **raw})
    assert [job["data"] for job in await shop.jobs("mail.orderShipped")] == [{"orderId": order.id}]
    await delivered(shop)
    [mail] = [mail for mail in mails.mails if "on its way" in mail["Subject"]]
    assert mail["To"] == ada.email
    lines = mail.get_content().splitlines()
    assert f"your order {order.number} is on its way." in lines
    assert "The carrier's code for it is JD0146." in lines
    assert f"1 x {order.lines[0].name}: 19.99 EUR" in lines


async def test_who_gets_money_back_is_told_how_much_and_for_what(
    shop: Shop, mails: MailServer
) -> None:
    ada = await shop.person(balance="100.00")
    lamp = await shop.product("19.99", name="Lampe für den Tisch")
    order = await shop.order(ada, [(lamp.id, 2)], paid=True)
    await delivered(shop)
    line = {"productId": lamp.id, "quantity": 1}
    refund = await shop.refund(order.id, lines=[line], reason="A scratch.")
    [job] = await shop.jobs("mail.orderRefunded")
    assert job["data"] == {"refundId": refund.id}
    await delivered(shop)
    [place] = about(mails, f"Refund of your order {order.number}")
    mail = mails.mails[place]
    assert mails.recipients[place] == [ada.email]
    assert mail["Message-ID"].startswith(f"<{job['id']}@")
    lines = mail.get_content().splitlines()
    assert f"19.99 EUR of your order {order.number} came back to you;" in lines
    assert "1 x Lampe für den Tisch: 19.99 EUR" in lines
    assert "A scratch." in lines


async def test_who_cancels_what_was_paid_is_told_of_the_refund(
    shop: Shop, mails: MailServer
) -> None:
    ada = await shop.person(balance="100.00")
    order = await shop.order(ada, paid=True)
    await delivered(shop)
    await orders_buying.cancel(shop.request(ada), {"id": order.id})
    await delivered(shop)
    assert len(about(mails, f"Refund of your order {order.number}")) == 1


async def test_a_refund_that_is_refused_mails_nobody(shop: Shop) -> None:
    ada = await shop.person(balance="100.00")
    order = await shop.order(ada, paid=True)
    with pytest.raises(RefundExceedsPayment):
        await shop.refund(order.id, amount="20.00")
    assert await shop.jobs("mail.orderRefunded") == []


async def test_a_payment_that_is_refused_mails_nobody(shop: Shop) -> None:
    ada = await shop.person(balance="100.00")
    order = await shop.order(ada)
    await shop.execute("UPDATE accounts SET balance = 0 WHERE user_id = $1", ada.id)
    with pytest.raises(Exception, match="INSUFFICIENT_FUNDS"):
        await shop.pay(ada, order.id)
    assert await shop.jobs("mail.orderPaid") == []


async def test_a_deleted_account_gets_no_mail_and_a_closed_one_does(
    shop: Shop, mails: MailServer
) -> None:
    ada, ben = [await shop.person(balance="100.00") for _ in range(2)]
    for person in (ada, ben):
        await shop.order(person, paid=True)
    await shop.execute("UPDATE users SET is_active = false WHERE id = $1", ben.id)
    await shop.execute(
        "UPDATE users SET is_active = false, deleted_at = now() WHERE id = $1", ada.id
    )
    await delivered(shop)
    assert mails.recipients == [[ben.email]] * 2  # placed and paid


async def test_a_mail_about_an_order_that_is_not_there_is_dead_at_once(shop: Shop) -> None:
    await queue(shop, "mail.orderPaid", orderId="018f0000-0000-7000-8000-000000000000")
    async with working(shop, HANDLERS):

        async def dead() -> bool:
            return await left(shop) == [("mail.orderPaid", "failed")]

        await eventually(dead)
