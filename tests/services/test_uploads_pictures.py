"""Pictures: decoded with limits, written anew in three sizes, and refused with their reason."""

import asyncio
import io
import resource
import struct
import zlib
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from services.files.store import IMAGES, UPLOADS
from services.uploads.headers import MOST_A_SIDE, MOST_PIXELS, read_header
from tests.faces import Door
from tests.pictures import picture, written
from tests.shop import Person, Shop
from tests.suite import run_seed
from tests.worker.work import eventually

MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
GPS, ORIENTATION = 0x8825, 0x0112


def noise(size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.effect_noise(size, 80).convert("RGB")


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def claiming(width: int, height: int) -> bytes:
    """A PNG of about a kilobyte that claims to have so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(Random(1).randbytes(900))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def moving(form: str) -> bytes:
    frames = [noise() for _ in range(3)]
    return written(frames[0], form, save_all=True, append_images=frames[1:])


def quiet(content: bytes) -> bytes:
    """A moving WebP whose header does not say that it moves."""
    return content[:20] + bytes([content[20] & ~2]) + content[21:]


def png_with(kind: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk before its pixels."""
    whole = written(noise())
    return whole[:33] + chunk(kind, content) + whole[33:]


#: A name, and 200 MB of zeros.
BOMB = b"x\x00\x00" + zlib.compress(bytes(200 << 20), 9)


async def set_avatar(
    door: Door, shop: Shop, person: Person, content: bytes, media: str = "image/png"
) -> Any:
    upload = await shop.upload(person, content=content, contentType=media)
    return upload, await door.call("users.setAvatar", {"uploadId": upload.id}, caller=person)


async def variant_files(client: httpx.AsyncClient, outcome: Any) -> list[bytes]:
    variants = outcome.ok["profile"]["imageVariants"]
    return [(await client.get(urlsplit(one["url"]).path)).content for one in variants]


@pytest.mark.parametrize("form", MEDIA)
async def test_a_picture_is_shown_in_three_sizes(
    door: Door, shop: Shop, client: httpx.AsyncClient, user: Person, form: str
) -> None:
    content = written(noise((2400, 1200)), form)
    _, outcome = await set_avatar(door, shop, user, content, MEDIA[form])
    files = await variant_files(client, outcome)
    assert [Image.open(io.BytesIO(file)).size for file in files] == [
        (160, 80),
        (640, 320),
        (1600, 800),
    ]
    assert {Image.open(io.BytesIO(file)).format for file in files} == {"WEBP"}


async def test_what_a_camera_wrote_is_gone_and_the_picture_is_upright(
    faces: dict[str, Door], shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    image = Image.new("RGB", (40, 20), (255, 255, 255))
    image.paste((200, 0, 0), (0, 0, 20, 20))  # red on the left
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turned: the left of the file is the top of the picture
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0)})
    exif[0x010F] = "SECRET-CAMERA"
    content = written(image, "JPEG", exif=exif, comment=b"SECRET-COMMENT", quality=95)
    assert b"SECRET-CAMERA" in content
    _, outcome = await set_avatar(faces["v2"], shop, user, content, "image/jpeg")
    for file in await variant_files(client, outcome):
        shown = Image.open(io.BytesIO(file))
        assert shown.size == (20, 40)
        red, blue = shown.convert("RGB").getpixel((10, 5)), shown.convert("RGB").getpixel((10, 35))
        assert isinstance(red, tuple)
        assert isinstance(blue, tuple)
        assert (red[1] < 100, blue[1] > 200) == (True, True)
        assert dict(shown.getexif()) == {}
        assert not any(word in file for word in (b"SECRET", b"EXIF", b"XMP", b"ICCP"))


@pytest.mark.parametrize("form", MEDIA)
async def test_a_picture_stands_upright_however_the_camera_was_held(
    shop: Shop, form: str, tmp_path: Path
) -> None:
    # Where each of the eight ways has shown the corner that is red in the file.
    corners = ["top left", "top right", "bottom right", "bottom left"]
    for held in range(1, 9):
        image = Image.new("RGB", (40, 20), (255, 255, 255))
        image.paste((200, 0, 0), (0, 0, 10, 10))
        exif = Image.Exif()
        exif[ORIENTATION] = held
        file = tmp_path / str(held)
        file.write_bytes(written(image, form, exif=exif, quality=95))
        with file.open("rb") as stored:
            [small, *_] = await shop.process.image_decoder.decode(stored, MEDIA[form])
        shown = Image.open(io.BytesIO(small.content)).convert("L")
        assert shown.size == ((40, 20) if held < 5 else (20, 40))
        right, bottom = shown.width - 4, shown.height - 4
        places = dict(zip(corners, [(3, 3), (right, 3), (right, bottom), (3, bottom)], strict=True))
        dark = [corner for corner, place in places.items() if shown.getpixel(place) < 150]  # type: ignore[operator]
        assert dark == [corners[(held - 1) % 4]]


async def test_a_transparent_picture_stays_transparent(
    faces: dict[str, Door], shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    content = picture("PNG", (30, 30), (0, 0, 0, 0))
    _, outcome = await set_avatar(faces["graphql"], shop, user, content)
    [small, *_] = await variant_files(client, outcome)
    assert Image.open(io.BytesIO(small)).convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK"])
async def test_pictures_of_every_kind_of_pixels_are_shown(
    faces: dict[str, Door], shop: Shop, user: Person, mode: str
) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    content = written(noise((300, 200)).convert("L").convert(mode), form)
    _, outcome = await set_avatar(faces["v1"], shop, user, content, MEDIA[form])
    assert len(outcome.ok["profile"]["imageVariants"]) == 3


#: Files that are refused, the type they are declared as, and the reason.
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "NOT_AN_IMAGE"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "image/jpeg", "NOT_AN_IMAGE"),
    "GIF": (written(noise(), "GIF"), "image/png", "NOT_AN_IMAGE"),
    "a JPEG as a PNG": (written(noise(), "JPEG"), "image/png", "WRONG_TYPE"),
    "too wide": (claiming(MOST_A_SIDE + 1, 1), "image/png", "TOO_WIDE"),
    "too many pixels": (claiming(8000, MOST_PIXELS // 8000 + 1), "image/png", "TOO_MANY_PIXELS"),
    "a bomb": (claiming(60_000, 60_000), "image/png", "TOO_WIDE"),
    "a moving PNG": (moving("PNG"), "image/png", "ANIMATED"),
    "a moving WebP": (moving("WEBP"), "image/webp", "ANIMATED"),
    "a moving WebP that says it is not": (quiet(moving("WEBP")), "image/webp", "DAMAGED"),
    "two pictures in a JPEG": (moving("MPO"), "image/jpeg", "ANIMATED"),
    "a bomb of a profile": (png_with(b"iCCP", BOMB), "image/png", "DAMAGED"),
    "a bomb of a text": (png_with(b"zTXt", BOMB), "image/png", "DAMAGED"),
    "half a PNG": (written(noise())[:2000], "image/png", "DAMAGED"),
    "half a JPEG": (written(noise((300, 300)), "JPEG")[:3000], "image/jpeg", "DAMAGED"),
    "a PNG without pixels": (claiming(300, 300), "image/png", "DAMAGED"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_each_bad_file_has_its_reason_on_every_face(
    door: Door, shop: Shop, user: Person, what: str
) -> None:
    content, media, reason = REFUSED[what]
    upload = await shop.upload(user, content=content, contentType=media)
    async with shop.unchanged():
        outcome = await door.call("users.setAvatar", {"uploadId": upload.id}, caller=user)
    assert (outcome.code, outcome.status) == ("IMAGE_INVALID", 422)
    assert outcome.failure.details == {"reason": reason}
    assert outcome.failure.paths == {"uploadId": reason}
    assert await shop.process.files.keys(IMAGES + upload.id, 10) == []


async def test_a_bomb_is_refused_by_its_header_without_a_decoder(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    upload = await shop.upload(user, content=claiming(60_000, 60_000))
    assert upload.size < 1200
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await faces["v2"].call("users.setAvatar", {"uploadId": upload.id}, caller=user)
    assert outcome.code == "IMAGE_INVALID"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 20 * 1024


@pytest.mark.parametrize(
    "beginning",
    [b"\xff\xd8" + b"\xff" * (9 << 20), b"\xff\xd8" + b"\xff\xfe\x00\x02" * 2_000_000],
    ids=["of bytes that fill up", "of comments"],
)
def test_a_header_without_end_is_read_in_part(beginning: bytes) -> None:
    """The server reads it itself, so that its other callers wait."""
    file = io.BytesIO(beginning + written(noise(), "JPEG")[2:])
    assert read_header(file) is None
    assert file.tell() < 10_000


async def test_a_picture_that_lies_about_its_size_costs_only_the_decoder(shop: Shop) -> None:
    """A WebP whose canvas is small and whose picture is large passes the header."""
    large = written(Image.new("RGB", (8000, 5000)), "WEBP")
    extended = b"VP8X" + struct.pack("<I", 10) + bytes([0, 0, 0, 0, 9, 0, 0, 9, 0, 0])
    body = b"WEBP" + extended + large[12:]
    file = io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)
    found = read_header(file)
    assert found
    assert (found.width, found.height) == (10, 10)
    upload = await shop.upload(
        await shop.person(), content=file.getvalue(), contentType="image/webp"
    )
    async with shop.process.files.opened(UPLOADS + upload.id, upload.size) as stored:
        assert stored
        with pytest.raises(Exception, match="IMAGE_INVALID"):
            await shop.process.image_decoder.decode(stored, "image/webp")


@pytest.mark.parametrize(
    ("form", "limits"), [("WEBP", {"image_seconds": 1}), ("PNG", {"image_mib": 128})]
)
async def test_a_decoder_that_needs_too_much_is_ended(
    faces: dict[str, Door], shop: Shop, user: Person, form: str, limits: dict[str, int]
) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    content = written(Image.new("RGBA", (8000, 5000), (1, 2, 3, 4)), form, **options)
    usual = shop.process.image_decoder
    shop.process.image_decoder = type(usual)(shop.process.settings.model_copy(update=limits))
    upload = await shop.upload(user, content=content, contentType=MEDIA[form])

    async def refused() -> Any:
        # A machine that is busy has no time for it, and is asked again.
        values = {"uploadId": upload.id}
        outcome = await faces["graphql"].call("users.setAvatar", values, caller=user)
        return None if outcome.code == "UNAVAILABLE" else outcome

    try:
        outcome = await eventually(refused)
    finally:
        shop.process.image_decoder = usual
    assert outcome.failure.details == {"reason": "TOO_COSTLY"}


async def test_a_call_that_is_given_up_ends_its_decoder(
    shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun = asyncio.create_subprocess_exec, asyncio.Event()

    async def noted(*given: Any, **more: Any) -> Any:
        child = await begin(*given, **more)
        begun.set()
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    upload = await shop.upload(user, content=written(Image.new("RGB", (8000, 5000))))
    decoder = shop.process.image_decoder
    async with shop.process.files.opened(UPLOADS + upload.id, upload.size) as file:
        assert file
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
        task = asyncio.create_task(decoder.decode(file, "image/png"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    # It was waited for, so that nothing of it is left, and its turn is free again.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt > before
    assert not decoder._turns.locked()


def spoiled(chance: Random) -> tuple[bytes, str]:
    """A file that was a picture, and the type it is declared as."""
    form = chance.choice(list(MEDIA))
    content = bytearray(written(noise((chance.randint(1, 90), chance.randint(1, 90))), form))
    for _ in range(chance.choice((0, 1, 3, 30))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    match chance.randrange(5):
        case 0:
            del content[chance.randrange(len(content)) :]
        case 1:
            at = chance.randrange(len(content))
            content[at:at] = chance.randbytes(chance.randrange(1, 200))
        case 2:  # polyglots: a page, an archive or a script behind or inside of a picture
            content += chance.choice((b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18)))
        case 3 if form == "PNG":
            content[33:33] = chunk(b"tEXt", b"x\x00<script>alert(1)</script>")
        case _:
            pass
    return bytes(content), chance.choice([MEDIA[form]] * 4 + list(MEDIA.values()))


async def spoil(shop: Shop, faces: dict[str, Door], client: httpx.AsyncClient, count: int) -> None:
    chance, codes = Random(run_seed()), set()
    person = await shop.person()
    for number in range(count):
        content, media = spoiled(chance)
        face = faces[chance.choice(list(faces))]
        _, outcome = await set_avatar(face, shop, person, content, media)
        codes.add(outcome.code)
        assert outcome.code in ("OK", "IMAGE_INVALID"), number
        if outcome.code == "OK":
            for file in await variant_files(client, outcome):
                assert file[:4] + file[8:12] == b"RIFFWEBP"
                assert b"<script" not in file
                assert file != content
    assert codes == {"OK", "IMAGE_INVALID"}


async def test_spoiled_files_are_refused_or_written_anew(
    shop: Shop, faces: dict[str, Door], client: httpx.AsyncClient
) -> None:
    await spoil(shop, faces, client, 20)


@pytest.mark.thorough
async def test_five_hundred_spoiled_files_are_refused_or_written_anew(
    shop: Shop, faces: dict[str, Door], client: httpx.AsyncClient
) -> None:
    await spoil(shop, faces, client, 500)
