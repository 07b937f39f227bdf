"""Decoding pictures in processes of their own, a few at a time."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from persistence.uploads.images import ImageSize
from services.errors.common import Unavailable
from services.errors.uploads import REASONS, ImageInvalid
from services.settings.settings import Settings
from services.uploads.headers import MOST_A_SIDE, MOST_PIXELS, check_header

_DECODER = Path(__file__).with_name("decoder.py")
#: The longest wait for one's turn; the request would end soon after.
_TURN_SECONDS = 20


class DecodedImage(Struct, frozen=True):
    """A picture in one size, as a WebP file."""

    size: ImageSize
    width: int
    height: int
    content: bytes

    @property
    def digest(self) -> str:
        """Names the content."""
        return hashlib.sha256(self.content).hexdigest()[:16]


class ImageDecoder:
    """Decodes pictures in child processes, limited in number, memory and time."""

    def __init__(self, settings: Settings) -> None:
        self._turns = asyncio.Semaphore(settings.images_at_once)
        self._cpu_seconds = settings.image_seconds
        self._mib = settings.image_mib

    async def decode(self, file: BinaryIO, content_type: str) -> list[DecodedImage]:
        """The picture in every size; its declared type must be right.

        Raises `ImageInvalid`, or `Unavailable` where this machine has no time for it.
        """
        await asyncio.to_thread(check_header, file, content_type)
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("Too many pictures are being decoded.") from None
        try:
            written = await self._run(file)
        finally:
            self._turns.release()
        line, _, content = written.partition(b"\n")
        said = json.loads(line)
        if "reason" in said:
            raise ImageInvalid.of(said["reason"] if said["reason"] in REASONS else "DAMAGED")
        found, at = [], 0
        for one in said["variants"]:
            piece = content[at : at + one["bytes"]]
            found.append(DecodedImage(ImageSize(one["size"]), one["width"], one["height"], piece))
            at += one["bytes"]
        return found

    async def _run(self, file: BinaryIO) -> bytes:
        """Run the decoder on a file; its answer."""
        # The child shares the file's position, which a seek within the buffer would not move.
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        limits = (self._cpu_seconds, self._mib, MOST_PIXELS, MOST_A_SIDE)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-IB",
            str(_DECODER),
            *map(str, limits),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        try:
            # A busy machine may give it a third of a core.
            async with asyncio.timeout(3 * self._cpu_seconds):
                written, _ = await child.communicate()
        except TimeoutError:
            raise Unavailable("The picture could not be decoded in time.") from None
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        if child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            raise ImageInvalid.of("TOO_COSTLY")
        if child.returncode:
            # The decoder fell over the file: a fault of its libraries, which hurt nobody else.
            raise ImageInvalid.of("DAMAGED")
        return written
