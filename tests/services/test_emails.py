"""Emails: which can be mailed to, and the spellings that are one email."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from persistence.mail_tokens import Purpose
from services.jobs.queue import DoNotRetry
from services.mail.sending import Mail, compose
from services.process import new_process
from tests import commands
from tests.conftest import Addresses, settings_for
from tests.faces import Door
from tests.shop import PASSWORD, Person, Shop, unique

#: Two spellings of one email; the first one is stored.
SPELLINGS = (
    ("x@münchen.example", "x@xn--mnchen-3ya.example"),
    ("x@münchen.example", "x@MÜNCHEN.Example"),
    ("x@münchen.example", "x@XN--MNCHEN-3YA.example"),
    ("x@münchen.example", "x@mu\u0308nchen.example"),
    ("x@münchen.example", "x@münchen\u3002example"),
    ("x@münchen.example", "x@münchen\uff0eexample"),
    ("x@пример.рф", "x@xn--e1afmkfd.xn--p1ai"),
    ("x@пример.рф", "X@ПРИМЕР.рф"),
    ("x@straße.example", "x@xn--strae-oqa.example"),
    ("x@example.com", "x@EXAMPLE.com"),
    ("x@example.com", "x@\uff45xample.com"),
    ("josé@example.com", "jose\u0301@example.com"),
)
DOMAINS = ("münchen.example", "xn--mnchen-3ya.example", "MÜNCHEN.example", "mu\u0308nchen。example")
NOT_MAILABLE = (
    "ada@example..com",
    "ada@example.com.",
    "ada@.example.com",
    ".ada@example.com",
    "ada.@example.com",
    "a..b@example.com",
    "ada@-example.com",
    "ada@example-.com",
    "ada@ex_ample.com",
    "ada@127.0.0.1",
    "ada@[127.0.0.1]",
    "ada@[IPv6:::1]",
    "ada@xn--a.example",
    "ada@☃.example",
    "Ada <ada@example.com>",
    "<ada@example.com>",
    "mailto:ada@example.com",
    '"ada"@example.com',
    '"a d a"@example.com',
    "ada@example.com, ben@example.com",
    "ada@ben@example.com",
    "ada\uff20example.com",
    "a\u200bda@example.com",
    "ada@exam\u200bple.com",
    "ada@example.com\u200b",
    "ada\u202e@example.com",
    "ada@ex\u00adample.com",
    "ada\ufeff@example.com",
    "ada@example.com\u200f",
    "\u0301a@example.com",
    "\uff41da@example.com",
    "\ufb01ne@example.com",
    "a\U000e0041da@example.com",
    f"{'a' * 65}@example.com",
    f"ada@{'a' * 64}.com",
    "ada@example.invalid",
    "ada@host.localhost",
)


def account(email: str) -> dict[str, str]:
    return {
        "email": email,
        "username": unique("ada"),
        "password": PASSWORD,
        "fullName": "Ada Lovelace",
    }


def own(spelling: str, name: str) -> str:
    """A spelling with a part of its own before the @, so that tests do not meet."""
    return spelling.replace("x@", f"{name}@").replace("X@", f"{name.upper()}@")


@pytest.mark.parametrize(("stored", "other"), SPELLINGS)
async def test_two_spellings_of_an_email_are_one_account(
    door: Door, shop: Shop, stored: str, other: str
) -> None:
    name = unique("ada")
    if "x@" not in stored:
        stored, other = (f"{name}{each}" for each in (stored, other))
    first, second = own(stored, name), own(other, name)
    user = (await door.call("auth.register", account(second))).ok["user"]
    assert user["email"].lower() == first
    for spelling in (first, second):
        async with shop.unchanged():
            outcome = await door.call("auth.register", account(spelling))
        assert (outcome.code, outcome.status) == ("EMAIL_TAKEN", 409)
        login = {"email": spelling, "password": PASSWORD}
        assert (await door.call("auth.login", login)).ok["user"]["id"] == user["id"]


@pytest.mark.parametrize("email", NOT_MAILABLE)
async def test_an_email_that_cannot_be_mailed_to_is_refused(
    door: Door, shop: Shop, user: Person, email: str
) -> None:
    admin = await shop.person("ADMIN")
    async with shop.unchanged():
        for operation, values, caller in (
            ("auth.register", account(email), None),
            ("users.create", account(email) | {"role": "USER"}, admin),
            ("users.updateMe", {"email": email, "currentPassword": PASSWORD}, user),
            ("users.update", {"id": user.id, "email": email}, admin),
        ):
            failure = (await door.call(operation, values, caller=caller)).failure
            assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
            assert failure.paths.keys() == {"email"}, operation
            assert failure.paths["email"] in ("INVALID_FORMAT", "RESERVED")


async def test_tags_and_unusual_signs_of_an_email_stay(door: Door) -> None:
    name = unique("ada")
    for email in (
        f"{name}+shop@example.com",
        f"{name}+Shop@example.com.br",
        f"o'{name}-x_y@sub.example.co.uk",
        f"{name}@example.test",
        f"{name}%a@example.museum",
        f"{name}你好@例子.example",
    ):
        user = (await door.call("auth.register", account(email))).ok["user"]
        assert user["email"] == email


async def test_the_same_email_at_one_moment_has_one_account(door: Door, shop: Shop) -> None:
    name = unique("ada")
    spellings = (f"{name}@münchen.example", f"{name}@xn--mnchen-3ya.example")
    outcomes = await asyncio.gather(
        *(door.call("auth.register", account(spellings[each % 2])) for each in range(6))
    )
    assert sorted(outcome.code for outcome in outcomes) == ["EMAIL_TAKEN"] * 5 + ["OK"]


# Accounts from before, whose emails are stored as they were written


async def before(shop: Shop, email: str) -> Person:
    """An account from before."""
    person = await shop.person()
    await shop.execute("UPDATE users SET email = $2 WHERE id = $1", person.id, email)
    return person


async def test_an_email_from_before_signs_in_in_each_spelling_and_is_taken(
    door: Door, shop: Shop
) -> None:
    name = unique("ada")
    old, new = f"{name}@xn--mnchen-3ya.example", f"{name}@münchen.example"
    person = await before(shop, old)
    other, admin = await shop.person(), await shop.person("ADMIN")
    for email in (old, new):
        login = {"email": email, "password": PASSWORD}
        assert (await door.call("auth.login", login)).ok["user"]["id"] == person.id
        async with shop.unchanged():
            for operation, values, caller in (
                ("auth.register", account(email), None),
                ("users.create", account(email) | {"role": "USER"}, admin),
                ("users.updateMe", {"email": email, "currentPassword": PASSWORD}, other),
                ("users.update", {"id": other.id, "email": email}, admin),
            ):
                outcome = await door.call(operation, values, caller=caller)
                assert outcome.code == "EMAIL_TAKEN", operation


async def test_two_accounts_from_before_keep_their_own_spellings(door: Door, shop: Shop) -> None:
    name = unique("ada")
    people = {
        email: await before(shop, email)
        for email in (f"{name}@xn--mnchen-3ya.example", f"{name}@münchen.example")
    }
    for email, person in people.items():
        login = {"email": email, "password": PASSWORD}
        assert (await door.call("auth.login", login)).ok["user"]["id"] == person.id


@pytest.mark.parametrize("old", ["ADA{}@EXAMPLE.com", "ada{}@XN--MNCHEN-3YA.example"])
async def test_a_form_may_send_an_email_from_before_back(door: Door, shop: Shop, old: str) -> None:
    email = old.format(unique())
    person = await before(shop, email)
    asked = {"email": email, "bio": "Mine."}
    changed = (await door.call("users.updateMe", asked, caller=person)).ok
    assert (changed["email"], changed["pendingEmail"]) == (email, None)
    admin = await shop.person("ADMIN")
    asked = {"id": person.id, "email": email, "bio": "Theirs."}
    changed = (await door.call("users.update", asked, caller=admin)).ok
    assert (changed["email"], changed["version"]) == (email, 3)


async def test_a_pending_email_from_before_does_not_take_anothers(door: Door, shop: Shop) -> None:
    name = unique("ada")
    old, new = f"{name}@xn--mnchen-3ya.example", f"{name}@münchen.example"
    person = await shop.person()
    await shop.execute("UPDATE users SET pending_email = $2 WHERE id = $1", person.id, old)
    token = await shop.mailed(person, Purpose.VERIFY_EMAIL, email=old)
    assert (await door.call("auth.register", account(new))).ok
    async with shop.unchanged():
        outcome = await door.call("auth.verifyEmail", {"token": token})
    assert outcome.code == "EMAIL_TAKEN"


async def test_spellings_of_an_email_share_one_budget(shop: Shop) -> None:
    hidden = shop.process.quota._hidden
    assert len({hidden(f"Ada@{domain}") for domain in DOMAINS}) == 1
    assert hidden("ada@münchen.example") != hidden("ada@munchen.example")


async def test_mail_goes_to_the_domain_that_the_account_was_checked_for(shop: Shop) -> None:
    settings, now = shop.process.settings, shop.process.clock()
    message = compose(settings, Mail("ada@straße.example", "Hello", "Hello."), "1", now)
    assert message["To"].addresses[0].domain == "xn--strae-oqa.example"
    with pytest.raises(DoNotRetry):
        compose(settings, Mail("ada@☃..example", "Hello", "Hello."), "1", now)


# The report of clashes


@pytest.fixture
async def alone(fresh_database: str, addresses: Addresses) -> AsyncIterator[Shop]:
    """A shop of one's own."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, "")
    await process.close()


async def test_migrating_names_accounts_with_one_email_and_changes_nothing(
    alone: Shop, tmp_path: Path
) -> None:
    settings = alone.process.settings
    status, said = await commands.tandem(settings, "emails")
    assert (status, said.strip()) == (0, "Every email has one account.")
    old, new = "ada@xn--mnchen-3ya.example", "ADA@münchen.example"
    people = [await before(alone, email) for email in (old, new)]
    await before(alone, "ben@münchen.example")
    await before(alone, "cy@example.com")
    async with alone.unchanged():
        for command in ("migrate", "emails"):
            status, said = await commands.tandem(settings, command)
            assert status == (command == "emails")
            assert "1 emails" in " ".join(said.split())
            for person, email in zip(people, (old, new), strict=True):
                assert f"{person.id} {email}" in said
            assert "ben@" not in said
            assert "cy@" not in said
