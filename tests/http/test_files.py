"""Files over HTTP: forms, the address that takes uploads, and how pictures are served."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from persistence.database.transactions import QueryStats
from persistence.uploads.tables import LARGEST_UPLOAD
from services.files.store import IMAGES, UPLOADS
from services.jobs.handlers import HANDLERS
from services.jobs.queue import Job
from services.settings.settings import Settings
from tests import s3
from tests.faces import Door
from tests.pictures import declared, picture, written
from tests.servers import Server, beside, serving
from tests.shop import Clock, Person, Shop, new_key, unique
from tests.worker.work import eventually, waiting_for_locks

PICTURE = picture(size=(40, 30))
FORM = {"purpose": "AVATAR"}


def form(content: bytes = PICTURE, name: str = "ada.png", media: str = "image/png") -> Any:
    return {"file": (name, content, media)}


async def post(
    client: httpx.AsyncClient, person: Person | None, version: str = "v2", **sent: Any
) -> httpx.Response:
    headers = {**(person.headers if person else {}), **sent.pop("headers", {})}
    return await client.post(f"/api/{version}/uploads", headers=headers, **sent)


def body(response: httpx.Response, version: str) -> Any:
    return response.json()["data"] if version == "v1" else response.json()


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_form_declares_a_file_and_sends_it(
    client: httpx.AsyncClient, faces: dict[str, Door], shop: Shop, user: Person, version: str
) -> None:
    response = await post(client, user, version, data=FORM, files=form())
    assert response.status_code == 201
    made = body(response, version)
    assert made.items() >= {**FORM, **declared(PICTURE, name="ada.png")}.items()
    assert (made["status"], made["url"]) == ("RECEIVED", None)
    assert response.headers["location"] == f"/api/{version}/uploads/{made['id']}"
    assert await shop.process.files.read(UPLOADS + made["id"]) == PICTURE
    shown = await faces[version].call("users.setAvatar", {"uploadId": made["id"]}, caller=user)
    assert len(shown.ok["profile"]["imageVariants"]) == 3


async def test_a_form_with_a_key_is_one_upload_however_often_it_comes(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    headers = {"Idempotency-Key": new_key()}
    answers = [await post(client, user, data=FORM, files=form(), headers=headers) for _ in range(2)]
    assert [response.status_code for response in answers] == [201, 201]
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert answers[0].json()["id"] == answers[1].json()["id"]
    other = await post(client, user, data=FORM, files=form(PICTURE + b"x"), headers=headers)
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("sent", "faults"),
    [
        ({"data": {}, "files": form()}, {"purpose": "REQUIRED"}),
        (
            {"data": FORM, "files": {"other": ("a", b"x")}},
            {"file": "REQUIRED", "other": "UNKNOWN_FIELD"},
        ),
        ({"data": {"purpose": "X"}, "files": form()}, {"purpose": "INVALID_CHOICE"}),
        ({"data": FORM, "files": form(media="image/gif")}, {"file": "INVALID_CHOICE"}),
        ({"data": FORM, "files": form(b"")}, {"file": "TOO_SMALL"}),
        ({"data": FORM, "files": form(b"x" * (LARGEST_UPLOAD + 1))}, {"file": "TOO_LARGE"}),
        ({"data": FORM, "files": [*form().items(), *form().items()]}, {"file": "REPEATED"}),
        ({"data": {**FORM, "size": "5"}, "files": form()}, {"file": "UNKNOWN_FIELD"}),
    ],
)
async def test_a_bad_form_is_refused_by_its_fields(
    client: httpx.AsyncClient, shop: Shop, user: Person, sent: Any, faults: dict[str, str]
) -> None:
    async with shop.unchanged():
        response = await post(client, user, **sent)
    assert response.status_code == 400
    assert response.json()["code"] == "VALIDATION_FAILED"
    assert {item["field"]: item["code"] for item in response.json()["fields"]} == faults
    assert list(incoming(shop)) == []


def incoming(shop: Shop) -> Iterator[Path]:
    """The files that are on their way into the store."""
    folder = shop.process.files.incoming
    return folder.iterdir() if folder.exists() else iter(())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"--x",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n"[:-8],
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nAVATAR',
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n\xff\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'
        + b"x" * 2000
        + b"\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 20 + b"--x--\r\n",
        b"{}",
    ],
)
async def test_what_is_no_form_is_malformed(
    client: httpx.AsyncClient, shop: Shop, user: Person, content: bytes
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with shop.unchanged():
        response = await post(client, user, content=content, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_REQUEST")
    assert list(incoming(shop)) == []


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        ("\r\nContent-Type: image/png", ["name"]),
        ('; filename="a.png"', ["media type"]),
        ("", ["name", "media type"]),
    ],
)
async def test_a_form_s_file_has_a_name_and_a_type(
    client: httpx.AsyncClient, shop: Shop, user: Person, head: str, missing: list[str]
) -> None:
    parts = ['name="purpose"\r\n\r\nAVATAR', f'name="file"{head}\r\n\r\nabc']
    lines = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with shop.unchanged():
        response = await post(client, user, content=f"{lines}--x--\r\n", headers=headers)
    found = response.json()["fields"]
    assert [(item["field"], item["code"]) for item in found] == [("file", "REQUIRED")] * len(found)
    assert all(what in item["message"] for what, item in zip(missing, found, strict=True))
    assert list(incoming(shop)) == []


async def test_a_form_needs_a_boundary_and_its_caller(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    async with shop.unchanged():
        bare = {"Content-Type": "multipart/form-data"}
        assert (await post(client, user, content=b"--x", headers=bare)).status_code == 400
        nobody = await post(client, None, data=FORM, files=form())
    assert nobody.json()["code"] == "UNAUTHENTICATED"
    assert list(incoming(shop)) == []


async def test_only_uploads_take_forms(client: httpx.AsyncClient, shop: Shop, user: Person) -> None:
    for path in ("/api/v2/projects", "/api/v1/orders", "/graphql"):
        response = await client.post(path, data=FORM, files=form(), headers=user.headers)
        assert response.status_code == 415, path
    large = b"x" * (2 << 20)
    for path in ("/api/v2/projects", "/graphql"):
        response = await client.post(path, data=FORM, files=form(large), headers=user.headers)
        assert response.status_code == 413, path
    json = await client.post("/api/v2/uploads", content=large, headers=user.headers)
    assert json.status_code == 413
    most = b"x" * (LARGEST_UPLOAD + 100_000)
    assert (await post(client, user, data=FORM, files=form(most))).status_code == 413


async def shown(shop: Shop, person: Person, faces: dict[str, Door]) -> str:
    """The path of a picture that somebody shows."""
    upload = await shop.upload(person, content=PICTURE)
    outcome = await faces["v2"].call("users.setAvatar", {"uploadId": upload.id}, caller=person)
    return urlsplit(outcome.ok["profile"]["avatar"]).path


async def test_a_picture_is_served_for_good_and_can_do_nothing(
    client: httpx.AsyncClient, shop: Shop, faces: dict[str, Door], user: Person
) -> None:
    path = await shown(shop, user, faces)
    response = await client.get(path)
    assert response.status_code == 200
    headers = response.headers
    assert headers["content-type"] == "image/webp"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    known = await client.get(path, headers={"If-None-Match": headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == headers["content-length"]


@pytest.mark.parametrize(
    "name",
    [
        "..%2fuploads%2f{id}",
        "%2e%2e",
        "{id}",
        "uploads/{id}",
        "{id}-large-0123456789abcdef.webp",
        "{id}-large-0123456789abcdef.webp%00",
        "{id}-huge-0123456789abcdef.webp",
        "x" * 5000,
    ],
)
async def test_nothing_but_pictures_is_served(
    client: httpx.AsyncClient, shop: Shop, user: Person, name: str
) -> None:
    upload = await shop.upload(user)
    response = await client.get(f"/files/{name.format(id=upload.id)}")
    assert response.status_code in (400, 404, 405)
    assert response.json()["code"] in ("ROUTE_NOT_FOUND", "METHOD_NOT_ALLOWED", "MALFORMED_REQUEST")


async def test_a_refused_file_says_what_differs(
    client: httpx.AsyncClient, faces: dict[str, Door], user: Person
) -> None:
    values = {**FORM, **declared(PICTURE)}
    made = (await faces["v2"].call("uploads.create", values, caller=user)).ok
    address = urlsplit(made["url"])
    path = f"{address.path}?{address.query}"
    found = {}
    for what, content, media in (
        ("size", PICTURE[1:], "image/png"),
        ("sha256", PICTURE[::-1], "image/png"),
        ("contentType", PICTURE, "image/jpeg"),
    ):
        response = await client.put(path, content=content, headers={"Content-Type": media})
        assert (response.status_code, response.json()["code"]) == (403, "UPLOAD_MISMATCH")
        found[what] = [item["field"] for item in response.json()["fields"]]
    assert found == {"size": ["size"], "sha256": ["sha256"], "contentType": ["contentType"]}

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 65_536

    headers = {"Content-Type": "image/png"}
    response = await client.put(path, content=unannounced(), headers=headers)
    assert response.json()["fields"][0]["field"] == "size"
    large = await client.put(path, content=b"x" * (LARGEST_UPLOAD + 1), headers=headers)
    assert large.status_code == 413


def resident(server: Server, *, clear: bool = False) -> int:
    """Bytes of memory that a server has had at most; ``clear`` begins to count from now on."""
    process = Path(f"/proc/{server.process.pid}")
    if clear:
        (process / "clear_refs").write_text("5")
    lines = (process / "status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def has_children(server: Server) -> bool:
    """Has a server a process of its own under way?"""
    tasks = Path(f"/proc/{server.process.pid}/task").iterdir()
    return any((task / "children").read_text() for task in tasks)


async def send(server: Server, made: Any, content: bytes) -> int:
    """Send a file to a server's own address; the status."""
    address = urlsplit(made["url"])
    url = f"{server.url}{address.path}?{address.query}"
    async with httpx.AsyncClient(timeout=180) as client:
        response = await client.put(url, content=content, headers=made["headers"])
        return response.status_code


async def test_twenty_large_files_at_once_take_little_memory(
    server: Server, shop: Shop, faces: dict[str, Door], user: Person
) -> None:
    content = os.urandom(LARGEST_UPLOAD)
    values = {**FORM, **declared(content)}
    made = [(await faces["v2"].call("uploads.create", values, caller=user)).ok for _ in range(20)]
    assert await send(server, made[0], content) == 200  # loads what the first one needs
    before = resident(server, clear=True)
    assert set(await asyncio.gather(*(send(server, one, content) for one in made[:10]))) == {200}

    async def by_form() -> int:
        async with httpx.AsyncClient(timeout=180) as client:
            response = await client.post(
                f"{server.url}/api/v2/uploads", data=FORM, files=form(content), headers=user.headers
            )
            return response.status_code

    sent = [*(send(server, one, content) for one in made[10:]), *(by_form() for _ in range(10))]
    assert set(await asyncio.gather(*sent)) == {200, 201}
    assert resident(server) - before < 64 * 1024 * 1024
    await shop.process.files.delete([UPLOADS + one["id"] for one in made])


async def test_twenty_large_forms_at_once_take_little_memory_with_an_s3_server(
    settings: Settings, shop: Shop, user: Person, tmp_path: Path
) -> None:
    content = os.urandom(LARGEST_UPLOAD)

    async def by_form(server: Server) -> int:
        async with httpx.AsyncClient(timeout=180) as client:
            response = await client.post(
                f"{server.url}/api/v2/uploads", data=FORM, files=form(content), headers=user.headers
            )
            return response.status_code

    with s3.serving(tmp_path) as endpoint:
        more = {f"TANDEM_{name.upper()}": it for name, it in s3.settings_of(endpoint).items()}
        more["TANDEM_FILES_SECONDS"] = "60"
        with serving(settings, tmp_path / "server.log", **more) as server:
            assert await by_form(server) == 201  # loads what the first one needs
            before = resident(server, clear=True)
            assert set(await asyncio.gather(*(by_form(server) for _ in range(20)))) == {201}
            assert resident(server) - before < 64 * 1024 * 1024


async def test_a_server_that_is_killed_between_sending_and_using_leaves_nothing_visible(
    settings: Settings,
    shop: Shop,
    faces: dict[str, Door],
    client: httpx.AsyncClient,
    clock: Clock,
    manager: Person,
    tmp_path: Path,
) -> None:
    product = await shop.product()
    content = written(Image.new("RGB", (8000, 5000)))
    values = {"purpose": "PRODUCT_IMAGE", **declared(content)}
    async with (
        # However late the kill comes, the product has no picture by then.
        beside(serving(settings, tmp_path / "log")) as server,
        shop.process.database.transaction(QueryStats()) as tx,
    ):
        await tx.run(f"SELECT FROM products WHERE id = '{product.id}' FOR UPDATE")
        async with httpx.AsyncClient(timeout=180, headers=manager.headers) as caller:
            response = await caller.post(f"{server.url}/api/v2/uploads", json=values)
            made = response.json()
            assert await send(server, made, content) == 200
            url = f"{server.url}/api/v2/products/{product.id}/image"
            using = asyncio.create_task(caller.put(url, json={"uploadId": made["id"]}))

            async def decoding_or_done() -> bool:
                return has_children(server) or await waiting_for_locks(shop) > 0

            await eventually(decoding_or_done)
            server.process.kill()
            with pytest.raises(httpx.TransportError):
                await using
    shown = (await faces["v2"].call("products.get", {"id": product.id})).ok
    assert (shown["image"], shown["imageVariants"], shown["version"]) == (None, [], 1)
    got = (await faces["v2"].call("uploads.get", {"id": made["id"]}, caller=manager)).ok
    assert got["status"] == "RECEIVED"
    clock.forward(hours=24, minutes=20)
    await HANDLERS["uploads.sweep"](shop.process, Job(unique(), unique(), {}))
    for prefix in (UPLOADS, IMAGES):
        assert await shop.process.files.keys(prefix + made["id"], 10) == []
