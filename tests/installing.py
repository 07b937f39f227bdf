"""Installs what a test needs besides the environment."""

import fcntl
import subprocess

from tests.servers import CHECKOUT

#: Installing takes half a minute; only what hangs reaches this.
_LONGEST = 900


def set_up(what: str) -> None:
    """Run `./scripts/setup`; of several test processes one does."""
    script = CHECKOUT / "scripts" / "setup"
    with script.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        subprocess.run([str(script), what], check=True, timeout=_LONGEST)
