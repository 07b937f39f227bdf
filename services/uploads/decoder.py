"""The decoder: a program of its own, which reads a picture on stdin and writes it in three sizes.

A picture is the most hostile input there is, and its decoder the largest library. So it runs in a
process that may take a limited amount of memory and time, has no files or secrets, and does
nothing else. It writes a line of JSON, then the files. The line is ``{"reason": …}`` for a picture
that is refused, else ``{"variants": [{"size", "width", "height", "bytes"}]}``.

Arguments: seconds of CPU time, MiB of memory, most pixels, most pixels a side.
"""

import io
import json
import resource
import sys
from typing import Any

#: The longest side of each size. A smaller picture is not enlarged.
SIDES = {"SMALL": 160, "MEDIUM": 640, "LARGE": 1600}
_QUALITY = 82
_ORIENTATION = 0x0112


def main() -> None:
    """Decode stdin."""
    seconds, mib, pixels, side = map(int, sys.argv[1:])
    _limit(seconds, mib)
    content: list[bytes] = []
    try:
        said: dict[str, Any] = {"variants": _variants(sys.stdin.buffer, pixels, side, content)}
    except MemoryError:
        said = {"reason": "TOO_COSTLY"}
    except _Refused as refused:
        said = {"reason": refused.args[0]}
    except Exception:
        # The libraries raise any error for a file that is broken on purpose.
        said = {"reason": "DAMAGED"}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + b"".join(content))


class _Refused(Exception):
    """A picture that is refused, and the reason."""


def _limit(seconds: int, mib: int) -> None:
    """Limit this process before it touches the file."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _variants(file: Any, pixels: int, side: int, content: list[bytes]) -> list[dict[str, Any]]:
    from PIL import Image, ImageFile

    Image.MAX_IMAGE_PIXELS = None  # ours is exact; Pillow's only warns below twice its limit
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    image = Image.open(file, formats=("JPEG", "PNG", "WEBP"))
    width, height = image.size
    if max(width, height) > side:
        raise _Refused("TOO_WIDE")
    if width * height > pixels:
        raise _Refused("TOO_MANY_PIXELS")
    if getattr(image, "n_frames", 1) > 1:
        raise _Refused("ANIMATED")
    orientation, profile = _orientation(image), image.info.get("icc_profile")
    largest = SIDES["LARGE"]
    if image.format == "JPEG":
        image.draft(image.mode, (largest, largest))  # decodes to a half, quarter or eighth
    image.load()
    image = _upright(_in_srgb(_plain(_fitted(image, largest)), profile), orientation)
    found = []
    for size, longest in SIDES.items():
        smaller = _fitted(image, longest)
        # Pillow would write what it knows of the picture: nothing of that is shown.
        smaller.info.clear()
        written = io.BytesIO()
        smaller.save(written, "WEBP", quality=_QUALITY, method=4)
        content.append(written.getvalue())
        found.append(
            {
                "size": size,
                "width": smaller.width,
                "height": smaller.height,
                "bytes": len(content[-1]),
            }
        )
    return found


def _orientation(image: Any) -> int:
    """How the camera was held, 1 to 8; 1 where nothing valid says so."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def _upright(image: Any, orientation: int) -> Any:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _fitted(image: Any, longest: int) -> Any:
    """A picture of at most so many pixels a side."""
    from PIL.Image import Resampling

    scale = longest / max(image.size)
    if scale >= 1:
        return image.copy()
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if image.mode in ("P", "PA", "1"):  # colours of a palette cannot be mixed
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.resize(size, Resampling.LANCZOS, reducing_gap=2.0)


def _plain(image: Any) -> Any:
    """A picture in eight bits a channel; CMYK stays for its profile."""
    if image.mode.startswith(("I", "F")):  # 16 bits of grey
        return image.convert("F").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.mode == "CMYK":
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Any, profile: bytes | None) -> Any:
    """A picture in the colours of the web, as its profile is not kept."""
    from PIL import ImageCms

    if profile is not None:
        mode = "RGB" if image.mode == "CMYK" else image.mode
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, source, target, outputMode=mode) or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # the profile is of other colours, or broken
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


if __name__ == "__main__":
    main()
