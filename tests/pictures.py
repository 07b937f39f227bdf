"""Pictures that tests upload, and their declarations."""

import hashlib
import io
from functools import cache
from typing import Any

from PIL import Image


@cache
def picture(
    form: str = "PNG", size: tuple[int, int] = (4, 3), colour: tuple[int, ...] = (200, 30, 30)
) -> bytes:
    """A picture of one colour, as a file."""
    return written(Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour), form)


def written(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """A picture as a file of this form."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def declared(content: bytes, media: str = "image/png", name: str = "lamp.png") -> dict[str, Any]:
    """The declaration of a file, without its purpose."""
    return {
        "filename": name,
        "contentType": media,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
