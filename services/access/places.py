"""Places: where a session began, stored as a keyed hash of the caller's household."""

from hashlib import sha256

from services.access.addresses import Address, hidden


class Places:
    """Makes the hashes of places, with the secret and the one before it."""

    def __init__(self, secret: str, previous: str | None) -> None:
        secrets = (secret,) if previous is None else (secret, previous)
        # The quota's keys come from the secret alone, so hashes in Redis differ from those here.
        self._keys = [sha256(f"places {one}".encode()).digest() for one in secrets]

    def stored(self, address: Address | None) -> bytes | None:
        """The hash that a new session stores; None for a call without an address."""
        return None if address is None else bytes.fromhex(hidden(address, self._keys[0]))

    def known_as(self, address: Address | None) -> list[bytes]:
        """The hashes that earlier sessions from the same place may have stored."""
        if address is None:
            return []
        return [bytes.fromhex(hidden(address, key)) for key in self._keys]
