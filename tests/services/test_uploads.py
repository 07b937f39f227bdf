"""Uploads: declared, sent to the store, used once; refused, counted, and deleted when unused."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from persistence.uploads.tables import LARGEST_UPLOAD
from services import health
from services.files.choosing import new_store
from services.files.store import IMAGES, UPLOADS
from services.ids import new_id
from services.jobs.handlers import HANDLERS
from services.jobs.queue import Job
from services.process import Process
from services.settings.files import Bucket, bucket_of
from services.settings.settings import Settings
from tests import s3
from tests.faces import Door
from tests.pictures import declared, picture
from tests.shop import PASSWORD, Clock, Person, Shop, new_key, unique

NOTHING = Job(unique(), unique(), {})
PICTURE = picture(size=(40, 30))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server."""
    with s3.serving(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@asynccontextmanager
async def storing_in(process: Process, **settings: Any) -> AsyncIterator[None]:
    """The process stores files elsewhere for as long as the block."""
    usual = process.files
    given = {
        name: SecretStr(value) if name.endswith("_key") else value
        for name, value in settings.items()
    }
    process.files = new_store(process.settings.model_copy(update=given))
    try:
        yield
    finally:
        process.files = usual


@pytest.fixture(params=["folder", "S3"])
async def store(request: pytest.FixtureRequest, process: Process) -> AsyncIterator[str]:
    """Both stores, one after the other: they have the same answers and rules."""
    if request.param == "folder":
        yield "folder"
        return
    endpoint = request.getfixturevalue("s3_server")
    async with storing_in(process, files_seconds=60, **s3.settings_of(endpoint)):
        yield "S3"


async def send(
    client: httpx.AsyncClient, upload: Any, content: bytes, **headers: str
) -> httpx.Response:
    """Send a file to the address of an upload, which is the application's or an S3 server's."""
    given = {**upload["headers"], **{name.replace("_", "-"): it for name, it in headers.items()}}
    address = urlsplit(upload["url"])
    if address.path.startswith("/files/"):
        url = f"{address.path}?{address.query}"
        return await client.request(upload["method"], url, content=content, headers=given)
    async with httpx.AsyncClient(timeout=60) as outside:
        method = upload["method"]
        return await outside.request(method, upload["url"], content=content, headers=given)


async def files_of(process: Process, upload_id: str) -> list[str]:
    """The keys of all files that have to do with an upload."""
    found = [await process.files.keys(prefix + upload_id, 10) for prefix in (UPLOADS, IMAGES)]
    return [key for keys in found for key in keys]


async def run_jobs(shop: Shop) -> None:
    """Run the queued jobs that delete files."""
    for data in await shop.jobs("uploads.deleteFiles"):
        await HANDLERS["uploads.deleteFiles"](shop.process, Job(unique(), unique(), data["data"]))
    await shop.execute("DELETE FROM jobs WHERE entrypoint = 'uploads.deleteFiles'")


async def test_a_file_is_declared_sent_used_and_shown(
    door: Door, shop: Shop, client: httpx.AsyncClient, user: Person, store: str
) -> None:
    made = (
        await door.call(
            "uploads.create", {"purpose": "AVATAR", **declared(PICTURE)}, caller=user, key=new_key()
        )
    ).ok
    assert (made["status"], made["method"]) == ("PENDING", "PUT")
    assert made["headers"]["Content-Type"] == "image/png"
    early = await door.call("users.setAvatar", {"uploadId": made["id"]}, caller=user)
    assert early.code == "UPLOAD_NOT_READY"
    assert (await send(client, made, PICTURE)).status_code == 200
    got = (await door.call("uploads.get", {"id": made["id"]}, caller=user)).ok
    assert (got["status"], got["url"], got["headers"]) == ("RECEIVED", None, None)
    shown = (await door.call("users.setAvatar", {"uploadId": made["id"]}, caller=user)).ok
    variants = shown["profile"]["imageVariants"]
    assert [(one["size"], one["width"], one["height"]) for one in variants] == [
        ("SMALL", 40, 30),
        ("MEDIUM", 40, 30),
        ("LARGE", 40, 30),
    ]
    assert shown["profile"]["avatar"] == variants[2]["url"]
    for one in variants:
        assert (await client.get(urlsplit(one["url"]).path)).status_code == 200
    used = (await door.call("uploads.get", {"id": made["id"]}, caller=user)).ok
    assert (used["status"], used["url"]) == ("USED", None)
    await run_jobs(shop)
    # The sent file is gone: only the pictures made of it are left.
    left = await files_of(shop.process, made["id"])
    assert len(left) == 3
    assert all(key.startswith(IMAGES) for key in left)


async def test_the_store_itself_refuses_every_other_file(
    shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door], user: Person, store: str
) -> None:
    values = {"purpose": "AVATAR", **declared(PICTURE)}
    made = (await faces["graphql"].call("uploads.create", values, caller=user)).ok
    if store == "S3":
        # The server refuses another length before it takes the body.
        assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3B" in made["url"]
    other = PICTURE[:-1] + bytes([PICTURE[-1] ^ 1])
    refused = [
        await send(client, made, PICTURE[:-1]),
        await send(client, made, PICTURE + b"x"),
        await send(client, made, other),
        await send(client, made, PICTURE, Content_Type="text/html"),
        await send(client, {**made, "url": made["url"].replace("uploads/0", "uploads/1")}, PICTURE),
    ]
    assert {response.status_code // 100 for response in refused} == {4}
    assert await files_of(shop.process, made["id"]) == []
    assert (await send(client, made, PICTURE)).status_code == 200


async def test_an_address_takes_no_file_after_its_time(
    shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door], clock: Clock, user: Person
) -> None:
    values = {"purpose": "AVATAR", **declared(PICTURE)}
    made = (await faces["v2"].call("uploads.create", values, caller=user)).ok
    clock.forward(hours=25)
    late = await send(client, made, PICTURE)
    assert (late.status_code, late.json()["code"]) == (401, "TOKEN_EXPIRED")
    changed = await send(client, {**made, "url": made["url"].replace("size=", "size=1")}, PICTURE)
    assert (changed.status_code, changed.json()["code"]) == (401, "UNAUTHENTICATED")
    bare = await send(client, {**made, "url": made["url"].split("?")[0]}, PICTURE)
    assert (bare.status_code, bare.json()["code"]) == (400, "VALIDATION_FAILED")
    assert await files_of(shop.process, made["id"]) == []


@pytest.mark.parametrize("why", ["used twice", "another's", "expired", "another purpose"])
async def test_an_upload_that_cannot_be_used_is_not_found(
    door: Door, shop: Shop, clock: Clock, user: Person, other_user: Person, why: str
) -> None:
    purpose = "PRODUCT_IMAGE" if why == "another purpose" else "AVATAR"
    upload = await shop.upload(other_user if why == "another's" else user, purpose)
    values = {"uploadId": upload.id}
    if why == "used twice":
        assert (await door.call("users.setAvatar", values, caller=user)).ok
    if why == "expired":
        clock.forward(hours=24, minutes=1)
        user = await shop.signed_in_again(user)
    async with shop.unchanged():
        outcome = await door.call("users.setAvatar", values, caller=user)
    assert (outcome.code, outcome.status) == ("UPLOAD_NOT_FOUND", 404)


async def test_one_of_two_who_use_an_upload_at_once_gets_it(
    door: Door, shop: Shop, manager: Person
) -> None:
    upload = await shop.upload(manager, "PRODUCT_IMAGE")
    products = [(await shop.product()).id for _ in range(2)]
    outcomes = await asyncio.gather(
        *(
            door.call("products.setImage", {"id": id, "uploadId": upload.id}, caller=manager)
            for id in products
        )
    )
    assert sorted(outcome.code for outcome in outcomes) == ["OK", "UPLOAD_NOT_FOUND"]


async def test_a_product_shows_its_picture_on_every_face_at_once(
    door: Door, faces: dict[str, Door], shop: Shop, manager: Person, user: Person
) -> None:
    product = await shop.product()
    for face in faces.values():  # the cache has it without a picture
        await face.call("products.get", {"id": product.id}, caller=user)
    upload = await shop.upload(manager, "PRODUCT_IMAGE", PICTURE)
    values = {"id": product.id, "uploadId": upload.id}
    changed = await door.call("products.setImage", values, caller=manager)
    assert changed.ok["version"] == product.version + 1
    for face in faces.values():
        shown = (await face.call("products.get", {"id": product.id}, caller=user)).ok
        assert shown["image"] == changed.ok["image"]
        assert shown["imageVariants"] == changed.ok["imageVariants"]
        listed = await face.call("products.list", {"first": 5}, caller=user)
        assert changed.ok["imageVariants"] in [one["imageVariants"] for one in listed.ok]
    row = await shop.last_audit("products.setImage", manager)
    assert row
    assert row["changed"] == ["image", "imageVariants"]


@pytest.mark.parametrize("how", ["removed", "replaced", "another address"])
async def test_the_files_of_a_picture_go_with_it(
    door: Door, shop: Shop, manager: Person, how: str
) -> None:
    product = await shop.product()
    first = await shop.upload(manager, "PRODUCT_IMAGE", PICTURE)
    values = {"id": product.id, "uploadId": first.id}
    assert (await door.call("products.setImage", values, caller=manager)).ok
    if how == "removed":
        gone = await door.call("products.removeImage", {"id": product.id}, caller=manager)
        assert gone.ok == {"ok": True}
    elif how == "replaced":
        second = await shop.upload(manager, "PRODUCT_IMAGE", picture(size=(9, 9)))
        values = {"id": product.id, "uploadId": second.id}
        assert (await door.call("products.setImage", values, caller=manager)).ok
    else:
        values = {"id": product.id, "image": "https://example.com/lamp.jpg"}
        assert (await door.call("products.update", values, caller=manager)).ok
    await run_jobs(shop)
    assert await files_of(shop.process, first.id) == []
    shown = (await door.call("products.get", {"id": product.id}, caller=manager)).ok
    expected = {
        "removed": (None, 0),
        "replaced": (shown["image"], 3),
        "another address": ("https://example.com/lamp.jpg", 0),
    }
    assert (shown["image"], len(shown["imageVariants"])) == expected[how]


async def test_a_change_of_something_else_keeps_the_picture(
    door: Door, shop: Shop, user: Person
) -> None:
    upload = await shop.upload(user)
    shown = (await door.call("users.setAvatar", {"uploadId": upload.id}, caller=user)).ok
    # A form sends the present address back.
    values = {"bio": "Mine.", "avatar": shown["profile"]["avatar"]}
    kept = (await door.call("users.updateMe", values, caller=user)).ok
    assert kept["profile"]["imageVariants"] == shown["profile"]["imageVariants"]
    changed = (await door.call("users.updateMe", {"avatar": None}, caller=user)).ok
    assert (changed["profile"]["avatar"], changed["profile"]["imageVariants"]) == (None, [])


async def test_other_people_see_an_avatar_in_its_sizes(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    upload = await shop.upload(user)
    mine = (await door.call("users.setAvatar", {"uploadId": upload.id}, caller=user)).ok
    seen = (await door.call("users.get", {"id": user.id}, caller=other_user)).ok
    assert seen["imageVariants"] == mine["profile"]["imageVariants"]
    assert (await door.call("users.removeAvatar", caller=user)).ok == {"ok": True}
    seen = (await door.call("users.get", {"id": user.id}, caller=other_user)).ok
    assert (seen["avatar"], seen["imageVariants"]) == (None, [])


async def test_an_upload_outlives_a_call_that_was_refused(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await shop.product()
    upload = await shop.upload(manager, "PRODUCT_IMAGE")
    values = {"id": product.id, "uploadId": upload.id}
    async with shop.unchanged():
        refused = await door.call("products.setImage", values, caller=manager, if_match="9-0.0")
        unknown = {**values, "id": manager.id}
        missing = await door.call("products.setImage", unknown, caller=manager)
    assert (refused.code, missing.code) == ("PRECONDITION_FAILED", "PRODUCT_NOT_FOUND")
    assert (await door.call("products.setImage", values, caller=manager)).ok


async def test_a_product_that_is_not_there_comes_before_a_bad_picture(
    door: Door, shop: Shop, manager: Person
) -> None:
    upload = await shop.upload(manager, "PRODUCT_IMAGE", b"<svg/>")
    values = {"id": manager.id, "uploadId": upload.id}
    outcome = await door.call("products.setImage", values, caller=manager)
    assert outcome.code == "PRODUCT_NOT_FOUND"
    # The attempt at a product that is there has its row in the audit log.
    values["id"] = (await shop.product()).id
    assert (await door.call("products.setImage", values, caller=manager)).code == "IMAGE_INVALID"
    row = await shop.last_audit("products.setImage", manager)
    assert row
    assert (row["entity_id"], row["outcome"]) == (values["id"], "IMAGE_INVALID")


async def test_a_retry_with_its_key_is_answered_without_the_file(
    faces: dict[str, Door], shop: Shop, manager: Person
) -> None:
    upload = await shop.upload(manager, "PRODUCT_IMAGE")
    values = {"id": (await shop.product()).id, "uploadId": upload.id}
    key = new_key()
    first = await faces["v2"].call("products.setImage", values, caller=manager, key=key)
    await run_jobs(shop)
    again = await faces["graphql"].call("products.setImage", values, caller=manager, key=key)
    assert (again.ok, again.replayed) == (first.ok, True)


async def test_what_nobody_used_is_gone_after_a_day(
    door: Door, shop: Shop, clock: Clock, user: Person, store: str
) -> None:
    upload, kept = [await shop.upload(user, content=PICTURE) for _ in range(2)]
    # A call that ended before its transaction has left the files of a picture.
    await shop.process.files.write(f"{IMAGES}{upload.id}-large-0123456789abcdef.webp", b"half")
    lost = UPLOADS + new_id(clock())
    await shop.process.files.write(lost, b"of a deleted account")
    assert (await door.call("users.setAvatar", {"uploadId": kept.id}, caller=user)).ok
    await HANDLERS["uploads.sweep"](shop.process, NOTHING)
    assert len(await files_of(shop.process, upload.id)) == 2
    clock.forward(hours=24, minutes=20)
    await HANDLERS["uploads.sweep"](shop.process, NOTHING)
    await HANDLERS["uploads.sweep"](shop.process, NOTHING)  # which may run twice
    assert await files_of(shop.process, upload.id) == []
    assert not await shop.process.files.has(lost)
    assert await shop.rows("SELECT FROM uploads WHERE owner_id = $1", user.id) == []
    # The picture that is shown stays.
    assert len(await files_of(shop.process, kept.id)) == 3


async def test_a_deleted_account_leaves_no_file(
    door: Door, shop: Shop, user: Person, manager: Person
) -> None:
    unused, avatar = [await shop.upload(user) for _ in range(2)]
    assert (await door.call("users.setAvatar", {"uploadId": avatar.id}, caller=user)).ok
    await shop.process.files.write(f"{IMAGES}{unused.id}-large-0123456789abcdef.webp", b"half")
    product = await shop.product()
    image = await shop.upload(manager, "PRODUCT_IMAGE")
    values = {"id": product.id, "uploadId": image.id}
    assert (await door.call("products.setImage", values, caller=manager)).ok
    for leaver in (user, manager):
        assert (await door.call("users.deleteMe", {"password": PASSWORD}, caller=leaver)).ok
    await run_jobs(shop)
    assert await files_of(shop.process, unused.id) == await files_of(shop.process, avatar.id) == []
    assert await shop.rows("SELECT FROM uploads WHERE owner_id = $1", user.id) == []
    [row] = await shop.rows("SELECT * FROM profiles WHERE user_id = $1", user.id)
    assert (row["avatar"], row["image_variants"]) == (None, [])
    # The picture of a product is the shop's.
    assert len(await files_of(shop.process, image.id)) == 3


async def test_a_caller_is_warned_before_the_bytes_of_a_day_are_spent(
    door: Door, shop: Shop, clock: Clock, user: Person
) -> None:
    values = {"purpose": "AVATAR", **declared(PICTURE)}
    limit = shop.process.settings.upload_quota_bytes
    fresh = (await door.call("uploads.create", values, caller=user)).ok["quota"]
    assert fresh == {"limit": limit, "used": len(PICTURE), "warning": None}
    await shop.spend_uploads(user, left=3 * len(PICTURE))
    warned = (await door.call("uploads.create", values, caller=user)).ok["quota"]
    assert warned["used"] == limit - len(PICTURE)
    assert warned["warning"] == f"You may upload {len(PICTURE)} more bytes today, of {limit}."
    assert (await door.call("uploads.create", values, caller=user)).ok
    async with shop.unchanged():
        spent = await door.call("uploads.create", values, caller=user)
    assert (spent.code, spent.status) == ("UPLOAD_QUOTA_SPENT", 429)
    assert spent.failure.details["used"] == limit
    clock.forward(hours=25)
    again = await shop.signed_in_again(user)
    assert (await door.call("uploads.create", values, caller=again)).ok


async def test_uploads_at_one_moment_count_each_other(door: Door, shop: Shop, user: Person) -> None:
    await shop.spend_uploads(user, left=2 * len(PICTURE))
    values = {"purpose": "AVATAR", **declared(PICTURE)}
    outcomes = await asyncio.gather(
        *(door.call("uploads.create", values, caller=user) for _ in range(5))
    )
    assert sorted(outcome.code for outcome in outcomes) == [
        *["OK"] * 2,
        *["UPLOAD_QUOTA_SPENT"] * 3,
    ]


async def test_without_its_store_only_files_are_missing(
    door: Door,
    shop: Shop,
    client: httpx.AsyncClient,
    user: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_CHECK_SECONDS", 30)  # a slow machine is ready
    upload = await shop.upload(user)
    away = s3.settings_of("http://127.0.0.1:1")
    async with storing_in(shop.process, files_seconds=2, **away):
        values = {"purpose": "AVATAR", **declared(PICTURE)}
        assert (await door.call("uploads.create", values, caller=user)).ok["status"] == "PENDING"
        async with shop.unchanged():
            refused = await door.call("users.setAvatar", {"uploadId": upload.id}, caller=user)
            unknown = await door.call("uploads.get", {"id": upload.id}, caller=user)
        assert (refused.code, refused.status) == ("UNAVAILABLE", 503)
        assert (unknown.code, unknown.status) == ("UNAVAILABLE", 503)
        name = f"{upload.id}-large-0123456789abcdef.webp"
        assert (await client.get(f"/files/{name}")).status_code == 503
        assert (await door.call("users.me", caller=user)).ok
        assert (await client.get("/health/ready")).status_code == 200
    assert (await door.call("users.setAvatar", {"uploadId": upload.id}, caller=user)).ok


async def test_a_disk_that_refuses_is_told_as_unavailable(
    door: Door, shop: Shop, user: Person, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    upload = await shop.upload(user)
    async with storing_in(shop.process, files_url=f"file:{blocked}/below"):
        outcome = await door.call("users.setAvatar", {"uploadId": upload.id}, caller=user)
    assert (outcome.code, outcome.status) == ("UNAVAILABLE", 503)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("purpose", "VIDEO", "INVALID_CHOICE"),
        ("contentType", "image/svg+xml", "INVALID_CHOICE"),
        ("contentType", "text/html", "INVALID_CHOICE"),
        ("size", LARGEST_UPLOAD + 1, "TOO_LARGE"),
        ("size", 0, "TOO_SMALL"),
        ("sha256", "0" * 63, "INVALID_FORMAT"),
        ("filename", "a\u202eb", "INVALID_FORMAT"),
        ("filename", "x" * 201, "TOO_LONG"),
    ],
)
async def test_a_declaration_is_within_bounds(
    door: Door, shop: Shop, user: Person, field: str, value: Any, code: str
) -> None:
    values = {"purpose": "AVATAR", **declared(PICTURE), field: value}
    async with shop.unchanged():
        outcome = await door.call("uploads.create", values, caller=user)
    assert outcome.failure.paths == {field: code}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://files", "must be file:FOLDER"),
        ("file:", "must name a folder"),
        ("file://server/files", "must name a folder"),
        ("s3://", "must be file:FOLDER"),
        ("s3://key:secret@shop", "must be file:FOLDER"),
        ("s3://shop?region=a&region=b", "once each"),
        ("s3://shop?zone=a", "once each"),
        ("s3://shop?endpoint=localhost:9000", "https://HOST"),
        ("s3://shop", "TANDEM_FILES_ACCESS_KEY"),
    ],
)
def test_a_store_that_cannot_be_is_refused_at_the_start(url: str, says: str) -> None:
    made: Any = {"_env_file": None, "files_url": url}
    with pytest.raises(ValidationError, match=says):
        Settings(**made)


def test_the_address_of_a_bucket_says_where_its_files_are() -> None:
    aws = bucket_of("s3://shop?region=eu-central-1")
    assert aws == Bucket("shop", "", "https://s3.eu-central-1.amazonaws.com", "eu-central-1")
    own = bucket_of("s3://shop/a/b/?endpoint=http://files.internal:9000/")
    assert own == Bucket("shop", "a/b/", "http://files.internal:9000", "us-east-1")
    assert bucket_of("file:/srv/files") is None
