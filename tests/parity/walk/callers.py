"""Who calls: people of every role, nobody, API keys with one permission each, and bad tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from persistence.users.tables import Role
from services.access.api_keys import new_secret
from services.access.permissions import GRANTABLE
from services.access.tokens import hashed
from services.ids import new_id
from tests.shop import Person, Shop

#: How many people of each role there are. One of them must not see what another made.
_PEOPLE = {Role.USER: 3, Role.MODERATOR: 1, Role.MANAGER: 2, Role.ADMIN: 2}
#: Enough for orders above the threshold of approvals, and for many small ones.
_BALANCE = "9000.00"
#: Those without money, who may close their account.
_POOR = ("user-3", "moderator-1")
NOBODY = "nobody"
_STRANGER = Ed25519PrivateKey.generate()


@dataclass(frozen=True)
class Caller:
    """Somebody by the name that the report gives them, and the headers that say so."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The permission of an API key.
    permission: str | None = None

    def __str__(self) -> str:
        return self.name


def bearing(name: str, token: str, permission: str | None = None) -> Caller:
    """A caller with a bearer token."""
    return Caller(name, {"Authorization": f"Bearer {token}"}, permission)


class People:
    """The callers of a walk. People who left are replaced by new ones."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._people: dict[str, Person] = {}
        #: The owner's id and the token.
        self._keys: dict[str, tuple[str, str]] = {}
        self._bad: dict[str, str] = {}
        #: Whether somebody new came, or signed in again.
        self.changed = False
        self.names = [
            f"{role.lower()}-{number}"
            for role, count in _PEOPLE.items()
            for number in range(1, count + 1)
        ]
        self.rich = [name for name in self.names if name not in _POOR]
        self.key_names = [
            f"key of {owner} with {permission}"
            for permission in GRANTABLE
            for owner in ("admin-1", "manager-1", "user-1")
        ]
        self.bad_names = list(_BAD)

    async def caller(self, name: str) -> Caller:
        """Somebody by name."""
        if name == NOBODY:
            return Caller(name)
        if name in _BAD:
            return await self._bad_caller(name)
        if name.startswith("key of "):
            return await self._machine(name)
        return bearing(name, self._shop.renewed(await self.person(name)).token)

    async def person(self, name: str) -> Person:
        """A person by name, made when there is none."""
        if name not in self._people:
            self.changed = True
            role = name.partition("-")[0].upper()
            self._people[name] = await self._shop.person(
                role, balance=None if name in _POOR else _BALANCE
            )
        return self._people[name]

    async def refresh(self) -> None:
        """Replace people whose role changed or who left, and sign in those whose session ended."""
        ids = [person.id for person in self._people.values()]
        sessions = [person.session_id for person in self._people.values()]
        users = await self._shop.rows(
            "SELECT id::text, role, is_active, password_hash FROM users WHERE id = ANY($1::uuid[])",
            ids,
        )
        live = await self._shop.rows(
            "SELECT id::text FROM sessions WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL",
            sessions,
        )
        known = {row["id"]: row for row in users}
        going_on = {row["id"] for row in live}
        for name, person in list(self._people.items()):
            row = known.get(person.id)
            if row is None or not row["is_active"] or row["role"] != person.role:
                del self._people[name]
            elif person.session_id not in going_on:
                self.changed = True
                self._people[name] = await self._shop.signed_in_again(person)
        hashes = {hashed(token): name for name, (_, token) in self._keys.items()}
        working = await self._shop.rows(
            "SELECT hash FROM api_keys WHERE hash = ANY($1) AND revoked_at IS NULL", list(hashes)
        )
        for ended in hashes.keys() - {row["hash"] for row in working}:
            del self._keys[hashes[ended]]

    async def _machine(self, name: str) -> Caller:
        owner_name, _, permission = name.removeprefix("key of ").partition(" with ")
        owner = await self.person(owner_name)
        if self._keys.get(name, (None, ""))[0] != owner.id:
            self.changed = True
            self._keys[name] = owner.id, await _key(self._shop, owner, permission)
        return bearing(name, self._keys[name][1], permission)

    async def _bad_caller(self, name: str) -> Caller:
        kind = _BAD[name]
        if isinstance(kind, Mapping):
            return Caller(name, kind)
        if name not in self._bad:
            self.changed = True
            person = await self._shop.person("ADMIN")
            self._bad[name] = await kind(self._shop, person)
        return bearing(name, self._bad[name])


async def _key(shop: Shop, owner: Person, permission: str) -> str:
    """A key with one permission, which its owner's role may lack; its token."""
    now = shop.process.clock()
    token, prefix = new_secret()
    await shop.execute(
        "INSERT INTO api_keys (id, user_id, name, prefix, hash, permissions, created_at, "
        "expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new_id(now),
        owner.id,
        "a walk's key",
        prefix,
        hashed(token),
        [permission],
        now,
        now + timedelta(days=90),
    )
    return token


async def _expired(shop: Shop, person: Person) -> str:
    long_ago = shop.process.clock() - timedelta(hours=1)
    return shop.process.tokens.issue(person.id, person.session_id, person.role, long_ago)


async def _forged(shop: Shop, person: Person) -> str:
    head = jwt.get_unverified_header(person.token)
    claims = jwt.decode(person.token, options={"verify_signature": False})
    return jwt.encode(claims, _STRANGER, "EdDSA", headers={"kid": head["kid"]})


async def _revoked(shop: Shop, person: Person) -> str:
    await shop.revoke(person)
    return shop.process.tokens.issue(
        person.id, person.session_id, person.role, shop.process.clock()
    )


async def _revoked_key(shop: Shop, person: Person) -> str:
    key = await shop.machine(person, "orders:read:own")
    await shop.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", key.key_id)
    return key.token


async def _expired_key(shop: Shop, person: Person) -> str:
    key = await shop.machine(person, "orders:read:own")
    await shop.execute(
        "UPDATE api_keys SET created_at = now() - interval '2 days', "
        "expires_at = now() - interval '1 day' WHERE id = $1",
        key.key_id,
    )
    return key.token


async def _unknown_key(shop: Shop, person: Person) -> str:
    return f"tdm_{'x' * 43}"


#: Bad tokens: headers as they are, or how a token of an admin is made bad.
_BAD: dict[str, Mapping[str, str] | Callable[[Shop, Person], Any]] = {
    "an expired token": _expired,
    "a forged token": _forged,
    "a revoked token": _revoked,
    "a revoked key": _revoked_key,
    "an expired key": _expired_key,
    "an unknown key": _unknown_key,
    "garbage": {"Authorization": "Bearer rubbish"},
    "an empty token": {"Authorization": "Bearer "},
    "another scheme": {"Authorization": "Basic YTpi"},
}
