"""Mails: what they say, how they travel, and the tokens in them."""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import SMTP
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.smtp import AuthResult

from persistence.mail_tokens import (
    LOCK_MAIL_TOKEN,
    SPEND_MAIL_TOKEN,
    VOID_MAIL_TOKENS,
    Purpose,
)
from services.jobs.handlers import HANDLERS
from services.jobs.queue import DoNotRetry
from services.mail.sending import Mail, compose, send
from services.mail.tokens import derive
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.faces import Service
from tests.shop import PASSWORD, Person, Shop, unique
from tests.worker.work import (
    MailServer,
    done,
    eventually,
    free_port,
    left,
    listening,
    queue,
    token_in,
    working,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKENS = "SELECT * FROM mail_tokens ORDER BY id"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    """A mail server."""
    with listening(MailServer(free_port())) as server:
        yield server


@pytest.fixture
async def settings_of_mail(
    fresh_database: str, addresses: Addresses, tmp_path: Path
) -> dict[str, Any]:
    """Settings for a database of its own, quick to try again."""
    return {
        "database_url": fresh_database,
        "redis_url": addresses.redis_url,
        "job_poll_seconds": 0.05,
        "job_retry_seconds": 0.05,
        "job_retry_max_seconds": 0.2,
        "mail_from": "The Shop <shop@shop.example>",
        "mail_folder": tmp_path / "mail",
        "app_url": "https://app.example/",
    }


@pytest.fixture
async def post(
    settings_of_mail: dict[str, Any], mails: MailServer, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop whose mails go to the mail server."""
    process = new_process(settings_for(**settings_of_mail, smtp_url=mails.url))
    yield Shop(process, password_hash)
    await process.close()


async def delivered(shop: Shop) -> None:
    async with working(shop, HANDLERS):
        await done(shop)


@pytest.mark.parametrize(
    ("name", "purpose", "page", "life"),
    [
        ("mail.verifyEmail", Purpose.VERIFY_EMAIL, "verify-email", timedelta(hours=24)),
        ("mail.resetPassword", Purpose.RESET_PASSWORD, "reset-password", timedelta(hours=1)),
    ],
)
async def test_a_mail_carries_a_token_of_which_only_the_hash_is_kept(
    post: Shop, mails: MailServer, name: str, purpose: Purpose, page: str, life: timedelta
) -> None:
    ada = await post.person()
    job = await queue(post, name, userId=ada.id, email=ada.email)
    before = post.process.clock()
    await delivered(post)
    [mail] = mails.mails
    assert mails.recipients == [[ada.email]]
    assert (mail["From"], mail["To"]) == ("The Shop <shop@shop.example>", ada.email)
    assert mail["Message-ID"] == f"<{job}@shop.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert abs(mail["Date"].datetime - before) < timedelta(minutes=5)
    token, text = token_in(mail), mail.get_content().replace("\r\n", "\n")
    assert f"https://app.example/{page}?token={token}\n" in text
    assert f"\n{token}\n" in text
    assert ("24 hours" if purpose is Purpose.VERIFY_EMAIL else "1 hour.") in text
    [row] = await post.rows(TOKENS)
    assert (row["id"], row["user_id"], row["purpose"]) == (job, ada.id, purpose)
    assert (row["email"], row["used_at"]) == (ada.email, None)
    assert row["hash"] == sha256(token.encode()).digest()
    assert before + life <= row["expires_at"] <= post.process.clock() + life


async def test_the_present_address_is_told_of_a_new_one_and_not_which(
    post: Shop, mails: MailServer
) -> None:
    ada = await post.person()
    new = f"{unique('new')}@example.com"
    asked = {"email": new, "currentPassword": PASSWORD}
    assert (await Service(post).call("users.updateMe", asked, caller=ada)).ok
    await delivered(post)
    told, verifying = sorted(mails.mails, key=lambda mail: mail["To"] == new)
    assert (told["To"], verifying["To"]) == (ada.email, new)
    assert sorted(mails.recipients) == sorted([[ada.email], [new]])
    text = told.get_content().replace("\r\n", "\n")
    assert told["Subject"] == "Your email address is to change"
    assert "\nhttps://app.example/reset-password\n" in text
    assert new not in str(told)
    assert not re.search(r"td[vp]_", text)
    assert "https://app.example/verify-email?token=" in verifying.get_content()


async def test_an_address_is_told_that_was_left_before_its_mail_went_out(
    post: Shop, mails: MailServer
) -> None:
    ada = await post.person()
    await queue(post, "mail.emailChanging", userId=ada.id, email=ada.email)
    await post.execute("UPDATE users SET email = 'eve@example.com' WHERE id = $1", ada.id)
    await delivered(post)
    assert mails.recipients == [[ada.email]]


async def test_a_reset_goes_to_the_address_of_the_account_however_it_was_typed(
    post: Shop, mails: MailServer
) -> None:
    ada = await post.person()
    await queue(post, "mail.resetPassword", email=ada.email.upper())
    await delivered(post)
    assert mails.recipients == [[ada.email]]


async def test_an_address_without_an_active_account_gets_no_mail(
    post: Shop, mails: MailServer
) -> None:
    closed = await post.person(is_active=False)
    await queue(post, "mail.resetPassword", email="nobody@example.com")
    await queue(post, "mail.resetPassword", email=closed.email)
    await queue(post, "mail.verifyEmail", userId=closed.id, email=closed.email)
    await queue(post, "mail.emailChanging", userId=closed.id, email=closed.email)
    await delivered(post)
    assert mails.mails == []
    assert await post.rows(TOKENS) == []


async def test_a_mail_waits_for_its_server_and_is_the_same_then(
    settings_of_mail: dict[str, Any], password_hash: str
) -> None:
    server = MailServer(free_port())
    process = new_process(settings_for(**settings_of_mail, smtp_url=server.url))
    shop = Shop(process, password_hash)
    ada = await shop.person()
    job = await queue(shop, "mail.verifyEmail", userId=ada.id, email=ada.email)

    async def failed_twice() -> bool:
        return await shop.value("SELECT attempts FROM jobs") >= 2

    async with working(shop, HANDLERS):
        await eventually(failed_twice)
        with listening(server):
            await done(shop)
    [mail] = server.mails
    assert mail["Message-ID"] == f"<{job}@shop.example>"
    [row] = await shop.rows(TOKENS)
    assert row["hash"] == sha256(token_in(mail).encode()).digest()
    await process.close()


async def test_a_mail_whose_sending_was_not_noted_is_sent_again_with_the_same_token(
    post: Shop, mails: MailServer
) -> None:
    ada = await post.person()
    job = await queue(post, "mail.resetPassword", email=ada.email)
    answers = iter(["451 try later", "250 OK"])

    async def answer() -> str:
        return next(answers)

    mails.answer = answer
    await delivered(post)
    first, second = mails.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<{job}@shop.example>"
    assert token_in(first) == token_in(second)
    assert len(await post.rows(TOKENS)) == 1


async def test_a_token_lives_from_the_mail_that_arrived(post: Shop, mails: MailServer) -> None:
    ada = await post.person()
    job = await queue(post, "mail.resetPassword", email=ada.email)

    async def refuse() -> str:
        # Before the answer: the next attempt begins after it.
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(expire(), loop))
        mails.answer = None
        return "451 try later"

    async def expire() -> None:
        await post.execute("UPDATE mail_tokens SET expires_at = created_at WHERE id = $1", job)

    loop = asyncio.get_running_loop()
    mails.answer = refuse
    await delivered(post)
    assert len(mails.mails) == 2
    [row] = await post.rows(TOKENS)
    assert row["expires_at"] >= row["created_at"] + timedelta(hours=1)


async def test_a_token_that_has_served_is_not_mailed_again(post: Shop, mails: MailServer) -> None:
    ada = await post.person()
    await queue(post, "mail.resetPassword", email=ada.email)

    async def use_and_lose() -> str:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(use(), loop))
        return "451 try later"

    async def use() -> None:
        await post.execute("UPDATE mail_tokens SET used_at = now()")

    loop = asyncio.get_running_loop()
    mails.answer = use_and_lose
    await delivered(post)
    assert len(mails.mails) == 1
    [row] = await post.rows(TOKENS)
    assert row["used_at"] is not None


async def test_an_address_that_is_refused_for_good_is_not_tried_again(
    post: Shop, mails: MailServer
) -> None:
    ada = await post.person()

    async def refuse(*_: Any) -> str:
        return "550 no such user"

    mails.handle_RCPT = refuse  # type: ignore[attr-defined]
    await queue(post, "mail.resetPassword", email=ada.email)

    async def dead() -> bool:
        return await left(post) == [("mail.resetPassword", "failed")]

    async with working(post, HANDLERS):
        await eventually(dead)
    assert await post.value("SELECT attempts FROM jobs") == 0
    traceback = await post.value("SELECT traceback::text FROM job_log WHERE status = 'failed'")
    assert "recipient refused" in traceback
    assert ada.email not in traceback


async def test_without_a_mail_server_mails_are_files_that_only_we_read(
    settings_of_mail: dict[str, Any], password_hash: str
) -> None:
    process = new_process(settings_for(**settings_of_mail))
    shop = Shop(process, password_hash)
    ada = await shop.person()
    job = await queue(shop, "mail.verifyEmail", userId=ada.id, email=ada.email)
    await delivered(shop)
    folder: Path = settings_of_mail["mail_folder"]
    assert os.listdir(folder) == [f"{job}.eml"]
    file = os.path.join(folder, f"{job}.eml")
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (folder, file)] == [0o700, 0o600]
    raw = await asyncio.to_thread(Path(file).read_bytes)
    # A person can copy the link out of the file as it is.
    link = rb"^https://app\.example/verify-email\?token=tdv_[\w-]{43}\r?$"
    assert re.search(link, raw, re.MULTILINE)
    assert BytesParser(policy=SMTP).parsebytes(raw)["To"] == ada.email
    # The same mail again lands on itself.
    await send(process.settings, Mail(ada.email, "Again", "."), job, NOW)
    assert os.listdir(folder) == [f"{job}.eml"]
    await process.close()


def test_no_text_makes_another_header_or_another_recipient(
    settings_of_mail: dict[str, Any],
) -> None:
    settings = settings_for(**settings_of_mail)
    for to in ("a@b.example, eve@c.example", "a,eve@b.example", "<a>@b.example", "a b@c.example"):
        try:
            mail = compose(settings, Mail(to, "Grüße", "Grüße"), "id", NOW)
        except DoNotRetry:
            continue
        assert len(BytesParser(policy=SMTP).parsebytes(mail.as_bytes())["To"].addresses) == 1
    for to in ("a@b.example\r\nBcc: eve@c.example", "a\nBcc: eve@c.example", "a@", "nobody"):
        with pytest.raises(DoNotRetry):
            compose(settings, Mail(to, "Hello", "Hello"), "id", NOW)
    with pytest.raises(ValueError, match="linefeed"):
        compose(settings, Mail("a@b.example", "Hello\r\nBcc: eve@c.example", "Hello"), "id", NOW)


def test_a_mail_in_any_script_arrives_as_written(settings_of_mail: dict[str, Any]) -> None:
    settings = settings_for(**settings_of_mail)
    mail = compose(settings, Mail("zoë@bücher.example", "Grüße 🎉", "Schöne Grüße\n"), "id", NOW)
    read = BytesParser(policy=SMTP).parsebytes(mail.as_bytes())
    assert read["Subject"] == "Grüße 🎉"
    assert read.get_content().replace("\r\n", "\n") == "Schöne Grüße\n"
    assert read["To"].addresses[0].domain == "xn--bcher-kva.example"


async def test_a_password_is_not_sent_over_a_line_that_anybody_reads(
    settings_of_mail: dict[str, Any],
) -> None:
    heard: list[Any] = []

    def authenticate(*given: Any) -> AuthResult:
        heard.append(given)
        return AuthResult(success=True)

    server = MailServer(free_port())
    url = server.url.replace("//", "//user:password@")
    settings = settings_for(**settings_of_mail, smtp_url=url)
    # It takes passwords without TLS, as does whoever has taken STARTTLS out of its greeting.
    with (
        listening(server, authenticator=authenticate, auth_require_tls=False),
        pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"),
    ):
        await send(settings, Mail("ada@example.com", "Hello", "Hello"), "id", NOW)
    assert heard == server.mails == []


async def test_a_mail_server_that_says_nothing_is_left_in_time(
    settings_of_mail: dict[str, Any],
) -> None:
    # Newer versions of Python close a connection whose streams nobody holds.
    held: list[Any] = []
    silent = await asyncio.start_server(lambda *streams: held.append(streams), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = settings_for(
        **settings_of_mail, smtp_url=f"smtp://127.0.0.1:{port}", smtp_seconds=0.2
    )
    async with silent:
        with pytest.raises(aiosmtplib.SMTPTimeoutError):
            await asyncio.wait_for(send(settings, Mail("a@b.example", "Hi", "Hi"), "id", NOW), 20)


def test_a_token_is_of_its_secret_its_purpose_and_its_id() -> None:
    token = derive("s" * 32, Purpose.VERIFY_EMAIL, "1")
    assert token == derive("s" * 32, Purpose.VERIFY_EMAIL, "1")
    others = {
        derive("t" * 32, Purpose.VERIFY_EMAIL, "1"),
        derive("s" * 32, Purpose.RESET_PASSWORD, "1"),
        derive("s" * 32, Purpose.VERIFY_EMAIL, "2"),
    }
    assert len({other[4:] for other in others} - {token[4:]}) == 3
    assert re.fullmatch(r"tdv_[\w-]{43}", token)
    assert derive("s" * 32, Purpose.RESET_PASSWORD, "1").startswith("tdp_")


async def test_of_a_token_s_uses_one_finds_it_unused_and_the_others_go_with_it(
    post: Shop, mails: MailServer
) -> None:
    ada: Person = await post.person()
    for _ in range(2):
        await queue(post, "mail.resetPassword", email=ada.email)
    await queue(post, "mail.verifyEmail", userId=ada.id, email=ada.email)
    await delivered(post)
    tokens = {token_in(mail) for mail in mails.mails}
    reset = next(token for token in tokens if token.startswith("tdp_"))
    hash, database = sha256(reset.encode()).digest(), post.process.database

    async def use() -> bool:
        request = post.request()
        async with database.transaction(request.stats) as tx:
            token = await tx.one(LOCK_MAIL_TOKEN, hash=hash, purpose=Purpose.RESET_PASSWORD)
            assert token is not None
            if token.used_at is not None:
                return False
            assert (token.user_id, token.email) == (ada.id, ada.email)
            now = post.process.clock()
            await tx.all(SPEND_MAIL_TOKEN, token_id=token.id, now=now)
            await tx.all(VOID_MAIL_TOKENS, user_id=ada.id, purpose=Purpose.RESET_PASSWORD, now=now)
            return True

    assert sorted(await asyncio.gather(*(use() for _ in range(5)))) == [False] * 4 + [True]
    assert (
        await database.reader(post.request().stats).one(
            LOCK_MAIL_TOKEN, hash=hash, purpose=Purpose.VERIFY_EMAIL
        )
        is None
    )
    unused = await post.rows("SELECT purpose FROM mail_tokens WHERE used_at IS NULL")
    assert [row["purpose"] for row in unused] == ["VERIFY_EMAIL"]
