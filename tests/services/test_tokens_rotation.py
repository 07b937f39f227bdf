"""Rotates signing keys under load: on two server processes, every face, by the command."""

import asyncio
import itertools
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

from services.settings.settings import Settings
from tests.commands import tandem
from tests.exchanges import http_client
from tests.faces import GraphQL, Rest
from tests.servers import serving
from tests.services.test_tokens import alone as alone
from tests.services.test_tokens import kid_of, rows
from tests.shop import PASSWORD, unique

_JWKS_SECONDS = 2
_LIFE = 3
#: How long a client keeps a token: it gets a new one before the old one ends.
_RENEW = 1.5
_SHORT = {
    "TANDEM_JWKS_SECONDS": str(_JWKS_SECONDS),
    "TANDEM_ACCESS_TOKEN_SECONDS": str(_LIFE),
    "TANDEM_POOL_WAIT_SECONDS": "60",
    "TANDEM_LOCK_SECONDS": "25",
}


class Client:
    """Somebody who calls all the time, through every door in turn, with tokens of every door."""

    def __init__(self, doors: list[Any]) -> None:
        self._doors = itertools.cycle(doors)
        self._tokens: dict[str, Any] = {}
        self._renew_at = 0.0
        #: Every token that was got, with the time it was first seen.
        self.seen: list[tuple[str, datetime]] = []
        self.outcomes: Counter[str] = Counter()

    async def register(self) -> None:
        """Get an account, and its first tokens."""
        name = unique("ada")
        account = {
            "email": f"{name}@example.com",
            "username": name,
            "password": PASSWORD,
            "fullName": "Ada Lovelace",
        }
        self._keep((await next(self._doors).call("auth.register", account)).ok)

    async def call_until(self, stop: asyncio.Event) -> None:
        """Call, and renew the token in time."""
        while not stop.is_set():
            if asyncio.get_running_loop().time() > self._renew_at:
                raw = {"refreshToken": self._tokens["refreshToken"]}
                self._keep((await next(self._doors).call("auth.refresh", raw)).ok)
            token = self._tokens["accessToken"]
            outcome = await next(self._doors).call("users.me", caller=token)
            # On a slow machine a token may end on its way.
            if outcome.code != "TOKEN_EXPIRED" or not _ended(token):
                self.outcomes[outcome.code] += 1
            await asyncio.sleep(0.1)

    def _keep(self, tokens: dict[str, Any]) -> None:
        self._tokens = tokens
        self._renew_at = asyncio.get_running_loop().time() + _RENEW
        self.seen.append((tokens["accessToken"], datetime.now(UTC)))


def _ended(token: str) -> bool:
    """Is the token's time over by now?"""
    claims = jwt.decode(token, options={"verify_signature": False})
    return claims["exp"] <= datetime.now(UTC).timestamp()


async def test_no_valid_token_is_refused_while_keys_are_rotated(
    alone: Settings, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        servers = [
            stack.enter_context(serving(alone, tmp_path / f"{number}.log", **_SHORT))
            for number in (1, 2)
        ]
        http = [
            await stack.enter_async_context(http_client(base_url=server.url, timeout=30))
            for server in servers
        ]
        # Neighbours are on different processes, so that a token is used where it was not made.
        doors = [
            door
            for pair in zip(
                *([GraphQL(one), Rest(one, "v1"), Rest(one, "v2")] for one in http), strict=True
            )
            for door in pair
        ]
        clients = [Client(doors) for _ in range(4)]
        for client in clients:
            await client.register()
        stop = asyncio.Event()
        first_shown: dict[str, datetime] = {}

        async def watch_jwks() -> None:
            asked = datetime.now(UTC)
            while not stop.is_set():
                # A busy machine may look late: it was shown some time after the look before.
                looked_before, asked = asked, datetime.now(UTC)
                answers = [await one.get("/.well-known/jwks.json") for one in http]
                both = set.intersection(
                    *({key["kid"] for key in answer.json()["keys"]} for answer in answers)
                )
                for kid in both:
                    first_shown.setdefault(kid, looked_before)
                await asyncio.sleep(0.1)

        calling = [asyncio.create_task(client.call_until(stop)) for client in clients]
        calling.append(asyncio.create_task(watch_jwks()))
        await asyncio.sleep(1)
        status, said = await tandem(alone, "keys", "rotate", **_SHORT)
        assert status == 0, said
        old, new = await rows(alone)
        while datetime.now(UTC) < old["retires_at"]:
            assert not any(task.done() for task in calling)
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        stop.set()
        await asyncio.gather(*calling)
        tokens = [pair for client in clients for pair in client.seen]
        late = (await _still_old(alone, old["kid"], tokens[-1][0]), old["kid"])
        for door in doors:
            refused = await door.call("users.me", caller=late[0])
            assert (refused.code, refused.status) == ("UNAUTHENTICATED", 401)

    outcomes = sum((client.outcomes for client in clients), Counter[str]())
    assert set(outcomes) == {"OK"}
    assert outcomes["OK"] > 100
    signed = {kid_of(token) for token, _ in tokens}
    assert signed == {old["kid"], new["kid"]}  # both signed while clients called
    for token, _ in tokens:
        claims = jwt.decode(token, options={"verify_signature": False})
        made = datetime.fromtimestamp(claims["iat"] + 1, UTC)
        expected = new if datetime.fromtimestamp(claims["iat"], UTC) >= new["signs_from"] else old
        if made < new["signs_from"] or expected is new:
            assert kid_of(token) == expected["kid"]
    # It was shown by both before it signed, for as long as others may keep what they were shown.
    waited = new["signs_from"] - first_shown[new["kid"]]
    assert waited.total_seconds() >= _JWKS_SECONDS


async def _still_old(settings: Settings, kid: str, token: str) -> str:
    """A token of the retired key that is right in everything else."""
    from persistence.signing_keys import SigningKeyRow
    from services.access.signing import Seal

    [row] = [row for row in await rows(settings) if row["kid"] == kid]
    private = Seal(*settings.secrets).open(SigningKeyRow(**row))
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(datetime.now(UTC).timestamp())
    claims |= {"iat": now, "nbf": now, "exp": now + _LIFE}
    headers = {"kid": kid, "typ": "at+jwt"}
    return jwt.encode(claims, private, algorithm="EdDSA", headers=headers)


async def test_a_compromised_key_ends_on_every_process_within_a_second(
    alone: Settings, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        servers = [
            stack.enter_context(serving(alone, tmp_path / f"{number}.log")) for number in (1, 2)
        ]
        http = [
            await stack.enter_async_context(http_client(base_url=server.url, timeout=30))
            for server in servers
        ]
        doors = [Rest(one, "v2") for one in http]
        client = Client(doors)
        await client.register()
        [(token, _)] = client.seen
        assert (await doors[0].call("users.me", caller=token)).ok
        assert (await doors[1].call("users.me", caller=token)).ok
        status, said = await tandem(alone, "keys", "rotate", "--compromised")
        assert status == 0, said
        await asyncio.sleep(1)
        raw = {"refreshToken": client._tokens["refreshToken"]}
        for door in doors:
            refused = await door.call("users.me", caller=token)
            assert (refused.code, refused.status) == ("UNAUTHENTICATED", 401)
        renewed = (await doors[0].call("auth.refresh", raw)).ok["accessToken"]
        for door in doors:
            assert (await door.call("users.me", caller=renewed)).ok
