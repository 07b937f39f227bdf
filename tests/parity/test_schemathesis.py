"""Schemathesis against a real server: both contracts, every role, every check.

It reads a contract as a stranger would, makes requests that obey it and requests that break it,
and holds every answer against it. A run proves something only where calls succeed, so each
operation must reach a success with each role that may call it.

A usual run tries each operation of v2 with its least role. It also tries a sample of the other
combinations of contract, role and operation. A thorough run tries all of them.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from persistence.mail_tokens import Purpose
from tests.conftest import CHECKOUT
from tests.servers import Server
from tests.shop import PASSWORD, Person, Shop
from tests.suite import run_seed

#: Usual runs try the same cases, so that a new failure comes from a change.
_SEED = 7
VERSIONS = ("v1", "v2")
#: How many operations a sample has.
SAMPLE = 12
_HOOKS = CHECKOUT / "tests" / "parity" / "schemathesis_hooks.py"
# A run takes a tenth of it; only a run that hangs reaches it.
_LONGEST_SECONDS = 300

#: Schemathesis waits for the end of an answer; tests/http/test_event_streams.py reads these.
ENDLESS = {"events"}
ANONYMOUS = {
    "register",
    "login",
    "refreshToken",
    "logout",
    "requestPasswordReset",
    "resetPassword",
    "verifyEmail",
    "categories",
    "category",
    "products",
    "product",
    "posts",
    "popularPosts",
    "post",
    "postComments",
    "comment",
    "commentReplies",
    "eventTypes",
}
SIGNED_IN = ANONYMOUS | {
    "eventLog",
    "logoutEverywhere",
    "resendVerification",
    "sessions",
    "revokeSession",
    "apiKeys",
    "createApiKey",
    "revokeApiKey",
    "me",
    "updateMe",
    "setAvatar",
    "removeAvatar",
    "changePassword",
    "deleteMe",
    "exportMe",
    "user",
    "wallet",
    "walletEntries",
    "createDeposit",
    "deposit",
    "deposits",
    "quoteOrder",
    "createOrder",
    "orders",
    "order",
    "orderHistory",
    "payOrder",
    "cancelOrder",
    "orderRefunds",
    "payments",
    "payment",
    "invoice",
    "invoicePdf",
    "checkCoupon",
    "myPosts",
    "createPost",
    "updatePost",
    "deletePost",
    "likePost",
    "unlikePost",
    "createComment",
    "updateComment",
    "deleteComment",
    "projects",
    "project",
    "createProject",
    "updateProject",
    "deleteProject",
    "createUpload",
    "upload",
}
MODERATORS = SIGNED_IN | {"unpublishPost", "restorePost", "removeComment", "restoreComment"}
MANAGERS = MODERATORS | {
    "createCategory",
    "updateCategory",
    "createProduct",
    "updateProduct",
    "adjustStock",
    "setProductImage",
    "removeProductImage",
    "allOrders",
    "updateOrderStatus",
    "refundOrder",
    "approvals",
    "approveOrder",
    "rejectOrder",
    "coupons",
    "coupon",
    "createCoupon",
    "updateCoupon",
    "deactivateCoupon",
    "exportProducts",
    "transactions",
    "exportTransactions",
    "salesReport",
}
ADMINS = MANAGERS | {
    "users",
    "createUser",
    "updateUser",
    "revokeUserSessions",
    "deleteCategory",
    "archiveProduct",
    "auditLog",
    "auditHead",
    "verifyAuditLog",
    "jobs",
    "job",
    "retryJob",
    "discardJob",
}

#: The operations that each role may call; written from the design, not from the declarations.
MAY_CALL = {
    "anonymous": ANONYMOUS,
    "USER": SIGNED_IN,
    "MODERATOR": MODERATORS,
    "MANAGER": MANAGERS,
    "ADMIN": ADMINS,
}
#: The operations of which each role is the least that may call them. The least role tries every
#: boundary of every value; other roles send random cases only.
LEAST = {
    "anonymous": ANONYMOUS,
    "USER": SIGNED_IN - ANONYMOUS,
    "MODERATOR": MODERATORS - SIGNED_IN,
    "MANAGER": MANAGERS - MODERATORS,
    "ADMIN": ADMINS - MANAGERS,
}
#: v1 takes PUT for PATCH.
PATCHES = {
    "updateMe",
    "updateUser",
    "updateCategory",
    "updateProduct",
    "updateOrderStatus",
    "updateCoupon",
    "updatePost",
    "updateComment",
    "updateProject",
}

_CONFIG = """
hooks = "{hooks}"
seed = {seed}
workers = 1
color = false
continue-on-failure = true
request-timeout = 60
warnings = false

[cache]
enabled = false

# A request in a report can be sent again as it is.
[output]
sanitization.enabled = false
truncation.enabled = false

[generation]
max-examples = {examples}
database = "none"

[phases]
stateful.enabled = {chains}

# A good request can ask for a thing that is not there (404), has changed (409, 412), costs too much
# (402) or breaks a rule of the shop (422).
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 402, 403, 404, 409, 412, 422]
"""
_KNOWN = """
[[operations]]
include-operation-id = {operations}
phases.coverage.enabled = false
"""
# A caller who may not call is refused before the input is read, so few cases are enough.
_REFUSED = """
[[operations]]
include-operation-id = {operations}
phases.coverage.enabled = false
generation.max-examples = 2
"""
# The caller makes every call. The stranger then asks for what was read, and must not get it.
_SIGNED_IN = """
[auth.wfc]
path = "people.json"
user = "caller"
peers = ["caller", "stranger"]
"""
# By default Schemathesis registers and signs in as the contract describes.
_ANONYMOUS = """
[auth]
auto-signup = false
"""


@pytest.mark.parametrize("role", [role for role, names in LEAST.items() if names])
async def test_a_stranger_with_the_least_role_finds_the_contract_kept(
    role: str, server: Server, shop: Shop, tmp_path: Path
) -> None:
    await the_contract_is_kept("v2", role, LEAST[role], server, shop, tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_stranger_who_tries_a_sample_finds_the_contract_kept(
    version: str, server: Server, shop: Shop, tmp_path: Path
) -> None:
    role = random.choice(list(MAY_CALL))
    operations = operations_of(version) - (LEAST[role] if version == "v2" else set())
    sample = set(random.sample(sorted(operations), SAMPLE))
    await the_contract_is_kept(version, role, sample, server, shop, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("role", MAY_CALL)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_stranger_who_reads_the_contract_finds_it_kept(
    version: str, role: str, server: Server, shop: Shop, tmp_path: Path
) -> None:
    operations = operations_of(version)
    await the_contract_is_kept(
        version, role, operations, server, shop, tmp_path, chains=role == "USER"
    )


@pytest.mark.soak
@pytest.mark.parametrize("role", MAY_CALL)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_stranger_who_stays_finds_the_contract_kept(
    version: str, role: str, server: Server, shop: Shop, tmp_path: Path
) -> None:
    """Ten times the cases, and others in each run."""
    operations = operations_of(version)
    await the_contract_is_kept(
        version, role, operations, server, shop, tmp_path, chains=role == "USER", longer=10
    )


def operations_of(version: str) -> set[str]:
    """The operations of a contract whose answers end."""
    contract = json.loads((CHECKOUT / "api" / f"openapi-{version}.json").read_text())
    found = {item["operationId"] for path in contract["paths"].values() for item in path.values()}
    return found - ENDLESS


async def the_contract_is_kept(
    version: str,
    role: str,
    operations: set[str],
    server: Server,
    shop: Shop,
    folder: Path,
    *,
    chains: bool = False,
    longer: int = 1,
) -> None:
    """Call these operations with a role, and hold every answer against the contract.

    ``chains`` also follows links from one operation to another. ``longer`` is how many times the
    usual cases are tried; more than those are drawn from the run's seed.
    """
    person = None if role == "anonymous" else await shop.person(role, balance="900000000.00")
    people = {"caller": person, "stranger": await shop.person()}
    written = [signed_in(name, somebody) for name, somebody in people.items()]
    (folder / "people.json").write_text(json.dumps({"auth": written}))
    (folder / "world.json").write_text(json.dumps(await world_of(shop, person)))
    config = config_of(role, version, operations, chains=chains, longer=longer)
    (folder / "schemathesis.toml").write_text(config)

    limit = _LONGEST_SECONDS * longer
    output = await asyncio.to_thread(schemathesis, version, operations, server, folder, limit)

    answers = [line.split() for line in (folder / "answers.txt").read_text().splitlines()]
    called = may_call(role, version) & operations
    assert {operation for operation, _ in answers} == operations, output
    assert {operation for operation, status in answers if status < "300"} == called, output


def may_call(role: str, version: str) -> set[str]:
    """The operations of a contract that a role may call."""
    return in_contract(MAY_CALL[role], version)


def in_contract(names: set[str], version: str) -> set[str]:
    """The names of operations in a contract."""
    return names | {f"{name}ByPut" for name in names & PATCHES if version == "v1"}


def config_of(
    role: str, version: str, operations: set[str], *, chains: bool, longer: int = 1
) -> str:
    """The configuration that says how thoroughly a role tries which operations."""
    most = role in ("anonymous", "USER", "ADMIN")
    config = _CONFIG.format(
        hooks=_HOOKS,
        seed=_SEED if longer == 1 else run_seed(),
        examples=(8 if most else 4) * longer,
        chains=str(chains).lower(),
    )
    called, least = may_call(role, version), in_contract(LEAST[role], version)
    known, refused = operations & called - least, operations - called
    for template, names in ((_KNOWN, known), (_REFUSED, refused)):
        if names:
            config += template.format(operations=sorted(names))
    return config + (_ANONYMOUS if role == "anonymous" else _SIGNED_IN)


def signed_in(name: str, person: Person | None) -> dict[str, Any]:
    """Somebody's headers, as Web Fuzzing Commons writes them."""
    headers = person.headers if person else {}
    return {"name": name, "fixedHeaders": [{"name": k, "value": v} for k, v in headers.items()]}


async def world_of(shop: Shop, person: Person | None) -> dict[str, Any]:
    """Ids and tokens that exist, for the hooks; orders and the like belong to this person."""
    owner = person or await shop.person(balance="1000.00")
    # A call can end the guest's session, so each list has guests of its own.
    guests, leaving, forgetting = [[await shop.person() for _ in range(20)] for _ in range(3)]
    products = [(await shop.product("0.01", stock=1_000_000)).id for _ in range(30)]
    lines = [(products[0], 1)]
    paid = await shop.order(owner, lines)
    buyer = await shop.person(balance="20000.00")
    return {
        "categories": [await shop.shelf()],
        "products": products,
        "emptyCategories": [await shop.category() for _ in range(30)],
        "changing": [(await shop.product(stock=500_000)).id],
        "deposits": [(await shop.deposit(owner, "5.00")).id],
        "orders": [(await shop.order(owner, lines)).id],
        "invoices": [
            (await shop.invoice(owner, (await shop.order(owner, lines, paid=True)).id)).id
        ],
        "payments": [(await shop.pay(owner, paid.id)).id],
        "coupons": [(await shop.coupon()).id],
        # The products cost a cent: a smaller discount would round to nothing.
        "couponCodes": [(await shop.coupon("90.00", minimumOrder="0.01")).code],
        "sendable": [(await shop.order(owner, lines, paid=True)).id for _ in range(20)],
        # A manager cannot approve an order of their own.
        "approvable": [(await shop.large_order(buyer)).id for _ in range(20)],
        "rejectable": [(await shop.large_order(buyer)).id for _ in range(20)],
        "refundable": [(await shop.order(owner, lines, paid=True)).id for _ in range(20)],
        "unpaid": [(await shop.order(owner, lines)).id for _ in range(30)],
        "refreshTokens": [guest.refresh_token for guest in guests],
        "accessTokens": [guest.token for guest in leaving],
        "resets": [await shop.mailed(guest, Purpose.RESET_PASSWORD) for guest in forgetting],
        "verifications": [await shop.mailed(guest, Purpose.VERIFY_EMAIL) for guest in forgetting],
        "caller": owner.headers["Authorization"],
        "changers": [(await shop.person()).token for _ in range(20)],
        "leavers": [(await shop.person()).token for _ in range(20)],
        "subjects": [(await shop.person()).id for _ in range(20)],
        "me": owner.id,
        "password": PASSWORD,
        "session": owner.session_id,
        "otherSessions": [(await shop.signed_in_again(owner)).session_id for _ in range(20)],
        "apiKeys": [(await shop.machine(owner, "orders:read:own")).key_id for _ in range(20)],
        "posts": [(await shop.post(owner)).id],
        "unwanted": [(await shop.post(owner)).id for _ in range(20)],
        "offensive": [(await shop.post(owner)).id for _ in range(20)],
        "unpublished": [(await shop.unpublished(owner)).id for _ in range(20)],
        "comments": [(await shop.comment(owner)).id],
        "regretted": [(await shop.comment(owner)).id for _ in range(20)],
        "insulting": [(await shop.comment(owner)).id for _ in range(20)],
        "removed": [(await shop.removed(owner)).id for _ in range(20)],
        "projects": [(await shop.project(owner)).id],
        "deletable": [(await shop.project(owner)).id for _ in range(20)],
        "uploads": [(await shop.upload(owner)).id],
        "avatars": [(await shop.upload(owner)).id for _ in range(20)],
        "pictures": [(await shop.upload(owner, "PRODUCT_IMAGE")).id for _ in range(20)],
        "jobs": [await shop.failed_job()],
        "failedJobs": [await shop.failed_job() for _ in range(40)],
        "login": {"email": guests[0].email, "password": PASSWORD},
    }


def schemathesis(
    version: str, operations: set[str], server: Server, folder: Path, limit: int
) -> str:
    """Run Schemathesis; a failure shows its report, with a command for each wrong request."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={folder / 'schemathesis.toml'}",
            "run",
            f"--url={server.url}",
            "--checks=all",
            *(f"--include-operation-id={name}" for name in sorted(operations)),
            str(CHECKOUT / "api" / f"openapi-{version}.json"),
        ],
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_WORLD": str(folder / "world.json"),
            "SCHEMATHESIS_ANSWERS": str(folder / "answers.txt"),
        },
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output
