"""Callers: who calls, and what they may do and see."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from persistence.users.tables import Role
from services.access.permissions import Permission, permission, reaches


@dataclass(frozen=True)
class Caller:
    """A user who calls through a session or an API key, with the user's role.

    ``granted`` has the permissions of an API key. It is None for a session, which has all
    permissions of its role. The token or key expires at ``expires_at``.
    """

    user_id: str
    role: Role
    session_id: str | None = None
    key_id: str | None = None
    granted: frozenset[str] | None = None
    expires_at: datetime | None = field(default=None, compare=False)

    def may(self, wanted: Permission) -> bool:
        """Does this caller hold the permission?"""
        if self.granted is not None and wanted not in self.granted:
            return False
        return reaches(self.role, wanted.least)

    def may_read_all(self, noun: str) -> bool:
        """May this caller see everybody's things of this kind?"""
        wanted = permission(noun, "read", "all")
        return wanted is not None and self.may(wanted)

    def may_read_own(self, noun: str) -> bool:
        """May this caller see their own things of this kind, or what is public of it?"""
        wanted = permission(noun, "read", "own") or permission(noun, "read", "public")
        return wanted is None or self.may(wanted)


def viewer_values(caller: Caller | None, noun: str, now: datetime) -> dict[str, Any]:
    """The values that a view needs of its reader; see persistence/database/views.py."""
    sees_all = caller is not None and caller.may_read_all(noun)
    return {
        "viewer": caller and caller.user_id,
        "session": caller and caller.session_id,
        "sees_all": sees_all,
        "administers": sees_all,
        "reads_own": caller is not None and caller.may_read_own(noun),
        "now": now,
    }
