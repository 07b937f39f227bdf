"""API keys: made, listed, ended, and used by machine clients on every door."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.access.api_keys import ApiKeys
from services.access.permissions import GRANTABLE, Permission
from services.catalogue import BY_NAME
from tests.faces import Door, Service
from tests.shop import Clock, Machine, Person, Shop, good_call, unique

NAMES = {"id", "name", "prefix", "permissions", "createdAt", "expiresAt", "lastUsedAt"}
READ = ["orders:read:own"]


def wanted(*permissions: str, **more: Any) -> dict[str, Any]:
    return {"name": unique("key "), "permissions": list(permissions) or READ, **more}


def later(now: datetime, **duration: float) -> str:
    return (now + timedelta(**duration)).astimezone(UTC).isoformat().replace("+00:00", "Z")


async def asked(client: httpx.AsyncClient, document: str, caller: Person) -> Any:
    """What GraphQL says to a document."""
    return (await client.post("/graphql", json={"query": document}, headers=caller.headers)).json()


async def test_a_new_key_shows_its_secret_once(door: Door, shop: Shop, user: Person) -> None:
    values = wanted("orders:read:own", "wallet:read:own")
    made = await door.call("apiKeys.create", values, caller=user)
    secret, key = made.ok["secret"], made.ok["apiKey"]
    assert secret.startswith("tdm_")
    assert len(secret) == 47  # 256 bits, and the prefix
    assert set(key) == NAMES
    assert key["name"] == values["name"]
    assert key["permissions"] == values["permissions"]
    assert secret.startswith(key["prefix"])
    assert len(key["prefix"]) == 12
    assert key["lastUsedAt"] is None
    listed = await door.call("apiKeys.list", caller=user)
    assert listed.ok == [key]
    stored = str(await shop.rows("SELECT * FROM api_keys WHERE id = $1", key["id"]))
    assert secret not in stored
    if door.name != "direct":
        assert made.headers["Cache-Control"] == "no-store"


async def test_the_address_of_a_new_key_leads_to_the_list(
    faces: dict[str, Door], client: httpx.AsyncClient, user: Person
) -> None:
    for version in ("v1", "v2"):
        made = await faces[version].call("apiKeys.create", wanted(), caller=user)
        listed = await client.get(made.headers["location"], headers=user.headers)
        assert made.ok["apiKey"]["id"] in listed.text


async def test_a_key_lives_for_ninety_days_unless_said_otherwise(
    door: Door, shop: Shop, user: Person
) -> None:
    now = shop.process.clock()
    for values, days in ((wanted(), 90), (wanted(expiresAt=later(now, days=364)), 364)):
        key = (await door.call("apiKeys.create", values, caller=user)).ok["apiKey"]
        life = datetime.fromisoformat(key["expiresAt"]) - now
        assert abs(life - timedelta(days=days)) < timedelta(minutes=1)


async def test_all_that_is_wrong_with_the_form_of_a_key_is_told_at_once(
    door: Door, shop: Shop, user: Person
) -> None:
    values = {"name": " ", "permissions": ["orders:read:own", "orders:eat:own"], "expiresAt": "x"}
    if door.name == "graphql":
        del values["expiresAt"]  # its scalar reports alone
    async with shop.unchanged():
        failure = (await door.call("apiKeys.create", values, caller=user)).failure
    assert failure.paths == {
        "name": "TOO_SHORT",
        "permissions.1": "INVALID_CHOICE",
        **({"expiresAt": "INVALID_FORMAT"} if "expiresAt" in values else {}),
    }


async def test_all_that_is_wrong_with_a_well_formed_key_is_told_at_once(
    door: Door, shop: Shop, user: Person
) -> None:
    now = shop.process.clock()
    values = wanted("orders:read:own", "orders:read:all", expiresAt=later(now, days=366))
    async with shop.unchanged():
        failure = (await door.call("apiKeys.create", values, caller=user)).failure
    assert failure.code == "VALIDATION_FAILED"
    assert failure.paths == {"permissions.1": "INVALID_CHOICE", "expiresAt": "TOO_LARGE"}
    values = wanted(expiresAt=later(now, seconds=-1))
    failure = (await door.call("apiKeys.create", values, caller=user)).failure
    assert failure.paths == {"expiresAt": "TOO_SMALL"}


@pytest.mark.parametrize(
    ("permissions", "paths"),
    [
        ([], {"permissions": "TOO_FEW"}),
        (["orders:read:own"] * 2, {"permissions.1": "REPEATED"}),
        ([" orders:read:own"], {"permissions.0": "INVALID_CHOICE"}),
        (["ORDERS:READ:OWN"], {"permissions.0": "INVALID_CHOICE"}),
        (["apikeys:write:own"], {"permissions.0": "INVALID_CHOICE"}),
        (["password:write:own"], {"permissions.0": "INVALID_CHOICE"}),
        (["x"] * 101, {"permissions": "TOO_MANY"}),
    ],
)
async def test_permissions_are_known_ones_each_once(
    door: Door, shop: Shop, user: Person, permissions: list[str], paths: dict[str, str]
) -> None:
    values = {"name": "A key", "permissions": permissions}
    async with shop.unchanged():
        failure = (await door.call("apiKeys.create", values, caller=user)).failure
    assert failure.paths == paths


async def test_a_user_has_at_most_fifty_live_keys(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    for _ in range(48):
        await shop.machine(user, "orders:read:own")
    first = await shop.machine(user, *READ, expiresAt=later(clock(), minutes=5))
    await shop.machine(user, "orders:read:own")
    async with shop.unchanged():
        failure = (await door.call("apiKeys.create", wanted(), caller=user)).failure
    assert failure.paths == {"name": "TOO_MANY"}
    clock.forward(minutes=6)
    assert (await door.call("apiKeys.create", wanted(), caller=user)).ok
    async with shop.unchanged():
        assert (await door.call("apiKeys.create", wanted(), caller=user)).error
    last = await door.call("apiKeys.list", {"first": 1}, caller=user)
    assert first.key_id != last.ids()[0]
    await door.call("apiKeys.revoke", {"id": last.ids()[0]}, caller=user)
    assert (await door.call("apiKeys.create", wanted(), caller=user)).ok


async def test_keys_made_at_one_moment_count_each_other(
    door: Door, shop: Shop, user: Person
) -> None:
    for _ in range(45):
        await shop.machine(user, "orders:read:own")
    outcomes = await asyncio.gather(
        *(door.call("apiKeys.create", wanted(), caller=user) for _ in range(20))
    )
    codes = sorted(outcome.code for outcome in outcomes)
    assert codes == [*["OK"] * 5, *["VALIDATION_FAILED"] * 15]


async def test_keys_are_listed_newest_first_without_those_that_were_revoked(
    door: Door, shop: Shop, user: Person, other_user: Person, clock: Clock
) -> None:
    short = await shop.machine(user, *READ, expiresAt=later(clock(), minutes=1))
    gone, kept = [await shop.machine(user, *READ) for _ in range(2)]
    await shop.machine(other_user, *READ)
    await door.call("apiKeys.revoke", {"id": gone.key_id}, caller=user)
    clock.forward(minutes=2)
    # An expired one stays, so that its owner finds out why it works no more.
    listed = await door.call("apiKeys.list", {"total": True}, caller=user)
    assert listed.ids() == [kept.key_id, short.key_id]
    assert listed.listed.total == 2
    first = await door.call("apiKeys.list", {"first": 1}, caller=user)
    values = {"first": 1, "after": first.listed.end}
    assert (await door.call("apiKeys.list", values, caller=user)).ids() == [short.key_id]


@pytest.mark.parametrize("whose", ["another's", "revoked", "unknown", "malformed"])
async def test_a_key_that_is_not_there_is_not_found(
    door: Door, shop: Shop, user: Person, other_user: Person, whose: str
) -> None:
    machine = await shop.machine(other_user if whose == "another's" else user, *READ)
    key_id = {"unknown": "01890000-0000-7000-8000-000000000000", "malformed": "tdm_"}.get(
        whose, machine.key_id
    )
    if whose == "revoked":
        await door.call("apiKeys.revoke", {"id": key_id}, caller=user)
    async with shop.unchanged():
        outcome = await door.call("apiKeys.revoke", {"id": key_id}, caller=user)
    assert (outcome.code, outcome.status) == ("API_KEY_NOT_FOUND", 404)


#: What each permission opens, by hand; the operations that nobody need be signed in for are open
#: to every key. In brackets, the least role of an owner.
OPENS: dict[str, tuple[str, tuple[str, ...]]] = {
    "account:read:own": ("USER", ("users.me",)),
    "users:read:public": ("USER", ("users.get",)),
    "users:read:all": ("ADMIN", ("users.list",)),
    "categories:write:all": ("MANAGER", ("categories.create", "categories.update")),
    "categories:delete:all": ("ADMIN", ("categories.delete",)),
    "products:read:all": ("MANAGER", ("products.export",)),
    "reports:read:all": (
        "MANAGER",
        ("reports.transactions", "reports.exportTransactions", "reports.sales"),
    ),
    "products:write:all": (
        "MANAGER",
        (
            *("products.create", "products.update", "products.adjustStock"),
            *("products.setImage", "products.removeImage"),
        ),
    ),
    "products:delete:all": ("ADMIN", ("products.archive",)),
    "wallet:read:own": ("USER", ("wallet.get", "wallet.entries", "deposits.list")),
    "deposits:read:own": ("USER", ("deposits.get",)),
    "deposits:write:own": ("USER", ("deposits.create",)),
    "orders:read:own": ("USER", ("orders.get", "orders.list", "orders.history")),
    "orders:read:all": ("MANAGER", ("orders.listAll",)),
    "orders:write:own": ("USER", ("orders.quote", "orders.create", "orders.cancel")),
    "orders:write:all": ("MANAGER", ("orders.updateStatus",)),
    "orders:pay:own": ("USER", ("orders.pay",)),
    "approvals:read:all": ("MANAGER", ("approvals.list",)),
    "approvals:write:all": ("MANAGER", ("approvals.approve", "approvals.reject")),
    "payments:read:own": ("USER", ("payments.list", "payments.get")),
    "payments:read:all": ("MANAGER", ()),
    "invoices:read:own": ("USER", ("invoices.get", "invoices.pdf")),
    "invoices:read:all": ("MANAGER", ()),
    "coupons:read:public": ("USER", ("coupons.check",)),
    "coupons:read:all": ("MANAGER", ("coupons.list", "coupons.get")),
    "coupons:write:all": (
        "MANAGER",
        ("coupons.create", "coupons.update", "coupons.deactivate"),
    ),
    "posts:read:own": ("USER", ("posts.listMine",)),
    "posts:read:all": ("MODERATOR", ()),
    "posts:write:own": ("USER", ("posts.create", "posts.update", "posts.delete")),
    "posts:write:all": ("ADMIN", ()),
    "posts:like:own": ("USER", ("posts.like", "posts.unlike")),
    "posts:moderate:all": ("MODERATOR", ("posts.unpublish", "posts.restore")),
    "comments:read:all": ("MODERATOR", ()),
    "comments:write:own": ("USER", ("comments.create", "comments.update", "comments.delete")),
    "comments:moderate:all": ("MODERATOR", ("comments.remove", "comments.restore")),
    "projects:read:own": ("USER", ("projects.list", "projects.get")),
    "projects:read:all": ("ADMIN", ()),
    "projects:write:own": (
        "USER",
        ("projects.create", "projects.update", "projects.delete"),
    ),
    "uploads:read:own": ("USER", ("uploads.get",)),
    "uploads:write:own": ("USER", ("uploads.create",)),
    "events:read:own": ("USER", ("events.list", "events.stream")),
    "events:read:all": ("MANAGER", ()),
    "jobs:read:all": ("ADMIN", ("jobs.list", "jobs.get")),
    "jobs:write:all": ("ADMIN", ("jobs.retry", "jobs.discard")),
    "audit:read:all": ("ADMIN", ("audit.list", "audit.head", "audit.verify")),
    "refunds:read:own": ("USER", ("refunds.list",)),
    "refunds:read:all": ("MANAGER", ()),
    "refunds:write:all": ("MANAGER", ("orders.refund",)),
}
#: What no key may do: it would outlive its own end.
NEVER = (
    "auth.logoutEverywhere",
    "auth.resendVerification",
    "sessions.list",
    "sessions.revoke",
    "apiKeys.list",
    "apiKeys.create",
    "apiKeys.revoke",
    "users.updateMe",
    "users.setAvatar",
    "users.removeAvatar",
    "users.changePassword",
    "users.deleteMe",
    "users.export",
    "users.create",
    "users.update",
    "users.revokeSessions",
)
ANYBODY = (
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "auth.requestPasswordReset",
    "auth.resetPassword",
    "auth.verifyEmail",
    "categories.list",
    "categories.get",
    "products.list",
    "products.get",
    "posts.list",
    "posts.popular",
    "posts.get",
    "comments.list",
    "comments.replies",
    "comments.get",
    "eventTypes.list",
)
#: GraphQL nests these in another operation's field, so every face asks for its permission as well.
UNDER = {
    "wallet.entries": {"wallet.get"},
    "orders.history": {"orders.get"},
    "refunds.list": {"orders.get"},
    "posts.listMine": {"users.me"},
}


def test_the_table_has_every_permission_and_every_operation() -> None:
    assert set(OPENS) == set(GRANTABLE)
    opened = [name for _, names in OPENS.values() for name in names]
    assert sorted([*opened, *NEVER, *ANYBODY]) == sorted(BY_NAME)
    for name, (least, _) in OPENS.items():
        assert Permission(name).least == least


@pytest.mark.parametrize("permission", OPENS)
async def test_a_permission_opens_its_operations(door: Door, shop: Shop, permission: str) -> None:
    least, opened = OPENS[permission]
    owner = await shop.person(least, balance="1000.00")
    for operation in opened:
        above = UNDER.get(operation, set[str]())
        others = [name for name, (_, names) in OPENS.items() if above & set(names)]
        opener = await shop.machine(owner, *{permission, *others})
        values, key = await good_call(shop, operation, owner)
        outcome = await door.call(operation, values, caller=opener, key=key)
        assert outcome.code == "OK", operation


@pytest.mark.parametrize("least", ["USER", "MANAGER", "ADMIN"])
async def test_a_permission_opens_no_other_operation(door: Door, shop: Shop, least: str) -> None:
    owner = await shop.person(least, balance="1000.00")
    everything = {name for _, names in OPENS.values() for name in names} | set(NEVER)
    calls = {name: await good_call(shop, name, owner) for name in sorted(everything)}
    granted = [name for name, (role, _) in OPENS.items() if role == least]
    machines = {name: await shop.machine(owner, name) for name in granted}
    async with shop.unchanged():
        for permission, machine in machines.items():
            for operation in calls.keys() - set(OPENS[permission][1]):
                values, key = calls[operation]
                outcome = await door.call(operation, values, caller=machine, key=key)
                said = (permission, operation)
                assert (outcome.code, outcome.status) == ("FORBIDDEN", 403), said


@pytest.mark.parametrize("operation", ANYBODY)
async def test_public_operations_are_open_to_every_key(
    door: Door, shop: Shop, user: Person, operation: str
) -> None:
    machine = await shop.machine(user, "wallet:read:own")
    values, key = await good_call(shop, operation, user)
    assert (await door.call(operation, values, caller=machine, key=key)).code == "OK"


async def test_a_key_reads_of_everybody_only_what_it_was_given(
    door: Door, shop: Shop, manager: Person
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    values = {"id": order.id}
    own = await shop.machine(manager, "orders:read:own")
    everything = await shop.machine(manager, "orders:read:own", "orders:read:all")
    assert (await door.call("orders.get", values, caller=own)).code == "ORDER_NOT_FOUND"
    assert (await door.call("orders.get", values, caller=everything)).ok["id"] == order.id
    # As for orders, so for writing them: another's order is seen with one and cancelled with both.
    cancels = await shop.machine(manager, "orders:write:own", "orders:read:all")
    async with shop.unchanged():
        outcome = await door.call("orders.cancel", values, caller=cancels)
    assert outcome.code == "FORBIDDEN"
    cancels = await shop.machine(manager, "orders:write:own", "orders:write:all", "orders:read:all")
    assert (await door.call("orders.cancel", values, caller=cancels)).ok["status"] == "CANCELLED"


async def test_relations_and_nodes_show_a_key_only_what_it_may_read(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    owner = await shop.person(balance="100.00")
    order = await shop.order(owner)
    payment = await shop.pay(owner, order.id)
    document = f'{{ payment(id: "{payment.id}") {{ id order {{ id customer {{ id }} }} }} }}'
    ids = [order.id, payment.id, owner.id, owner.session_id]
    listed = ", ".join(f'"{id}"' for id in ids)
    nodes = f"{{ nodes(ids: [{listed}]) {{ id }} }}"
    machine = await shop.machine(owner, "payments:read:own")
    said = await asked(client, document, machine)
    assert said["data"]["payment"] == {"id": payment.id, "order": None}
    found = (await asked(client, nodes, machine))["data"]["nodes"]
    assert [node and node["id"] for node in found] == [None, payment.id, None, None]
    wider = await shop.machine(owner, "payments:read:own", "orders:read:own", "users:read:public")
    said = await asked(client, document, wider)
    assert said["data"]["payment"]["order"] == {"id": order.id, "customer": {"id": owner.id}}
    found = (await asked(client, nodes, wider))["data"]["nodes"]
    # The public side of its owner, as of anybody; the session stays hidden.
    assert [node and node["id"] for node in found] == [order.id, payment.id, owner.id, None]


async def test_a_users_lists_are_forbidden_to_a_key_that_reads_the_account(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    machine = await shop.machine(user, "account:read:own")
    document = "{ me { email sessions { nodes { id } } apiKeys { nodes { id } } } }"
    said = await asked(client, document, machine)
    assert said["data"]["me"] == {"email": user.email, "sessions": None, "apiKeys": None}
    assert {error["extensions"]["code"] for error in said["errors"]} == {"FORBIDDEN"}


async def test_a_key_is_a_node_for_whoever_owns_it(
    client: httpx.AsyncClient, shop: Shop, user: Person, admin: Person
) -> None:
    machine = await shop.machine(user, "account:read:own", "wallet:read:own")
    fields = " ".join(sorted(NAMES))
    document = f'{{ node(id: "{machine.key_id}") {{ ... on ApiKey {{ {fields} }} }} }}'
    found = (await asked(client, document, user))["data"]["node"]
    assert found["permissions"] == ["account:read:own", "wallet:read:own"]
    assert found == (await Service(shop).call("apiKeys.list", caller=user)).ok[0]
    for nobody in (admin, machine):
        assert (await asked(client, document, nobody))["data"] == {"node": None}


async def refusal(door: Door, shop: Shop, machine: Person) -> str:
    """How a read and a write of a key are refused: alike, and with nothing changed."""
    async with shop.unchanged():
        read = await door.call("wallet.get", caller=machine)
        write = await door.call("deposits.create", {"amount": "5"}, caller=machine, key=unique())
    assert read.code == write.code
    assert {read.status, write.status} == {401}
    if door.name not in ("direct", "graphql"):
        assert read.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    return read.code


MONEY = ("wallet:read:own", "deposits:write:own")


async def test_an_expired_key_is_told_so(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    machine = await shop.machine(user, *MONEY, expiresAt=later(clock(), minutes=10))
    assert (await door.call("wallet.get", caller=machine)).ok
    clock.forward(minutes=11)
    assert await refusal(door, shop, machine) == "TOKEN_EXPIRED"


async def test_a_revoked_key_is_told_so_at_once(door: Door, shop: Shop, user: Person) -> None:
    machine = await shop.machine(user, *MONEY)
    assert (await door.call("wallet.get", caller=machine)).ok
    revoked = await door.call("apiKeys.revoke", {"id": machine.key_id}, caller=user)
    assert revoked.error is None
    assert await refusal(door, shop, machine) == "TOKEN_REVOKED"
    assert (await door.call("wallet.get", caller=user)).ok


@pytest.mark.parametrize("form", ["tdm_", "tdm_nothing", "tdm_{}", "{}x", "{}" + "x" * 100, "TDM_"])
async def test_an_unknown_key_is_nobody(door: Door, shop: Shop, user: Person, form: str) -> None:
    machine = await shop.machine(user, *MONEY)
    impostor = Machine(**{**vars(machine), "token": form.format(machine.token)})
    assert await refusal(door, shop, impostor) == "UNAUTHENTICATED"


async def test_the_keys_of_a_closed_account_are_revoked(
    door: Door, shop: Shop, user: Person
) -> None:
    machine = await shop.machine(user, *MONEY)
    assert (await door.call("wallet.get", caller=machine)).ok
    await shop.execute("UPDATE users SET is_active = false WHERE id = $1", user.id)
    await shop.process.revocations.poll()
    assert await refusal(door, shop, machine) == "TOKEN_REVOKED"


async def test_a_key_falls_with_the_role_of_its_owner(
    door: Door, shop: Shop, manager: Person
) -> None:
    machine = await shop.machine(manager, "products:write:all", *MONEY)
    values, _ = await good_call(shop, "products.create", manager)
    assert (await door.call("products.create", values, caller=machine)).ok
    await shop.execute("UPDATE users SET role = 'USER' WHERE id = $1", manager.id)
    # Nobody has looked for changes yet: the write finds out by itself.
    async with shop.unchanged():
        outcome = await door.call("products.create", values, caller=machine)
    assert (outcome.code, outcome.status) == ("FORBIDDEN", 403)
    assert (await door.call("wallet.get", caller=machine)).ok
    await shop.execute("UPDATE users SET role = 'MANAGER' WHERE id = $1", manager.id)
    await shop.process.revocations.poll()
    assert (await door.call("products.create", values, caller=machine)).ok


async def test_a_read_follows_the_role_of_the_owner_at_the_next_look(
    door: Door, shop: Shop, manager: Person
) -> None:
    order = await shop.order(await shop.person(balance="100.00"))
    machine = await shop.machine(manager, "orders:read:own", "orders:read:all")
    assert (await door.call("orders.get", {"id": order.id}, caller=machine)).ok
    await shop.execute("UPDATE users SET role = 'USER' WHERE id = $1", manager.id)
    await shop.process.revocations.poll()
    outcome = await door.call("orders.get", {"id": order.id}, caller=machine)
    assert outcome.code == "ORDER_NOT_FOUND"


async def test_a_key_and_a_session_of_one_user_share_their_idempotency_keys(
    door: Door, shop: Shop, user: Person
) -> None:
    """The scope is the user: a retry may come from the user's machine."""
    machine, key = await shop.machine(user, *MONEY), unique("key-")
    first = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    again = await door.call("deposits.create", {"amount": "5"}, caller=machine, key=key)
    assert again.ok == first.ok
    assert again.replayed


async def test_what_a_key_does_is_audited_as_its_owners_doing(
    door: Door, shop: Shop, user: Person
) -> None:
    machine = await shop.machine(user, *MONEY)
    await door.call("deposits.create", {"amount": "5"}, caller=machine, key=unique())
    assert await shop.audits(user) == [("apiKeys.create", "OK"), ("deposits.create", "OK")]


async def test_when_a_key_was_used_is_written_for_all_keys_at_once(
    door: Door, shop: Shop, user: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, other, unused = [await shop.machine(user, *MONEY) for _ in range(3)]
    process = shop.process
    # The periodic task, which may write at any moment, knows nothing of these.
    monkeypatch.setattr(process, "api_keys", ApiKeys(process.database, process.revocations))
    for machine in (used, other, used):
        assert (await door.call("wallet.get", caller=machine)).ok
    listed = (await door.call("apiKeys.list", caller=user)).ok
    assert [key["lastUsedAt"] for key in listed] == [None] * 3
    await process.api_keys.flush()
    times = {
        key["id"]: key["lastUsedAt"] for key in (await door.call("apiKeys.list", caller=user)).ok
    }
    assert times[unused.key_id] is None
    for machine in (used, other):
        at = datetime.fromisoformat(times[machine.key_id])
        assert abs(at - clock()) < timedelta(minutes=1)
