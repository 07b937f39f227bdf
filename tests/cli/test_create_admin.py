"""`tandem create-admin`, as a process of its own on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.process import new_process
from services.settings.settings import Settings
from tests import commands
from tests.conftest import Addresses, settings_for
from tests.faces import Service
from tests.shop import PASSWORD, Shop


@pytest.fixture
async def shop(fresh_database: str, addresses: Addresses) -> AsyncIterator[Shop]:
    """A shop in which there is nobody yet."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, "")
    await process.close()


async def tandem(
    settings: Settings | None, *words: str, password: str = PASSWORD
) -> tuple[int, str]:
    """Run the command with a password on its stdin; its exit status and its words on one line."""
    status, said = await commands.tandem(settings, *words, given=f"{password}\n")
    return status, " ".join(said.split())


def admin(email: str = "ada@example.com", username: str = "ada") -> tuple[str, ...]:
    named = ("--email", email, "--username", username, "--name", " Ada Lovelace ")
    return ("create-admin", *named, "--password-stdin")


async def test_the_first_admin_is_made_and_administers(shop: Shop) -> None:
    status, said = await tandem(shop.process.settings, *admin())
    assert (status, said) == (0, "ada is an admin and signs in as ada@example.com.")
    door = Service(shop)
    login = await door.call("auth.login", {"email": "ada@example.com", "password": PASSWORD})
    user = login.ok["user"]
    assert (user["role"], user["fullName"], user["isActive"]) == ("ADMIN", "Ada Lovelace", True)
    token = login.ok["accessToken"]
    assert (await door.call("users.list", caller=token)).ids() == [user["id"]]
    assert (await door.call("wallet.get", caller=token)).ok["balance"] == "0.00"
    [row] = await shop.rows("SELECT * FROM audit_log WHERE action = 'users.create'")
    assert (row["actor_id"], row["entity"], row["entity_id"]) == (None, "user", user["id"])
    assert row["request_id"].startswith("cli-")
    [job] = await shop.jobs("mail.verifyEmail")
    assert job["data"] == {"userId": user["id"], "email": "ada@example.com"}


async def test_what_is_taken_or_not_valid_is_said_in_a_sentence(shop: Shop) -> None:
    settings = shop.process.settings
    assert (await tandem(settings, *admin()))[0] == 0
    async with shop.unchanged():
        for words, sentence in (
            (admin("ADA@example.com", "grace"), "This email has an account already."),
            (admin("grace@example.com", "ADA"), "This username is taken."),
        ):
            assert await tandem(settings, *words) == (1, f"tandem: {sentence}")
        status, said = await tandem(settings, *admin("nobody", "a"), password="short")
    assert status == 1
    assert said == (
        "tandem: --email is not right: Give an email address. "
        "--username is not right: Give 3 or more characters. "
        "The password is not right: Give 8 or more characters."
    )


async def test_the_password_is_never_an_argument_and_never_guessed(shop: Shop) -> None:
    *words, _ = admin()
    async with shop.unchanged():
        status, said = await tandem(shop.process.settings, *words)
        assert status == 1
        assert said == (
            "tandem: There is no terminal to ask for the password: give --password-stdin."
        )
        status, said = await tandem(shop.process.settings, *admin(), "--password", PASSWORD)
        assert status == 2
        assert "No such option" in said


async def test_it_works_on_the_embedded_servers_too(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    status, said = await tandem(None, *admin(), *data)
    assert status == 1
    assert said.endswith("is not migrated: run `tandem migrate`.")
    assert (await tandem(None, "migrate", *data))[0] == 0
    assert (await tandem(None, *admin(), *data))[0] == 0
    status, said = await tandem(None, *admin(), *data)
    assert (status, said) == (1, "tandem: This email has an account already.")


async def test_a_database_that_is_not_there_is_said(shop: Shop) -> None:
    settings = shop.process.settings.model_copy(
        update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}
    )
    status, said = await tandem(settings, *admin())
    assert status == 1
    assert said == "tandem: PostgreSQL at 127.0.0.1:1/none cannot be used: check DATABASE_URL."
