"""The folder in which the processes of one `tandem serve` count together."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The file that the owner of a folder holds locked. The kernel frees it however the owner ends.
_OWNER = "owner"


@contextmanager
def metrics_folder(data: Path) -> Iterator[Path]:
    """A new folder in the temporary folder, deleted at the end.

    Folders that killed owners with the same data folder left behind are deleted first.
    """
    place = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    prefix = f"tandem-metrics-{place}-"
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix) as made, _owned(Path(made)):
        yield Path(made)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Hold the folder's lock."""
    if sys.platform == "win32":  # which cannot tell whether a folder's owner lives
        yield
        return
    import fcntl

    with (folder / "owner.new").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The name appears only when it is locked, so that nobody takes the folder for abandoned.
        (folder / "owner.new").rename(folder / _OWNER)
        yield


def _abandoned(folder: Path) -> bool:
    """Has the owner of this folder ended?"""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        with (folder / _OWNER).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # its owner lives or is another user, or it was just made
        return False
    return True
