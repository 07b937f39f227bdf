"""A real S3 server, SeaweedFS, for as long as a block, and the settings that use it."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from services.settings.files import bucket_of

ACCESS_KEY, SECRET_KEY = "tandem", "tandem-secret"
_START_SECONDS = 60
_IDENTITY = {
    "name": "tandem",
    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
    "actions": ["Admin"],
}
#: Flags that take a port of their own; 0 turns a server off that nobody needs here.
_PORTS = ("master", "volume", "filer", "s3")
_OFF = ("s3.port.iceberg", "s3.port.lance")


def settings_of(endpoint: str) -> dict[str, str]:
    """The settings that store files on this server."""
    return {
        "files_url": f"s3://shop/tandem?endpoint={endpoint}",
        "files_access_key": ACCESS_KEY,
        "files_secret_key": SECRET_KEY,
    }


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server whose data is in a folder."""
    ports = _free_ports(2 * len(_PORTS))
    flags = [f"-{name}.port={ports[place]}" for place, name in enumerate(_PORTS)]
    flags += [
        f"-{name}.port.grpc={ports[len(_PORTS) + place]}" for place, name in enumerate(_PORTS)
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [_IDENTITY]}))
    data = folder / "data"
    data.mkdir()
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("weed")),
                "server",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-s3",
                f"-s3.config={config}",
                "-s3.autoCreateBucket",
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=20",
                *flags,
                *(f"-{name}=0" for name in _OFF),
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    endpoint = f"http://127.0.0.1:{ports[_PORTS.index('s3')]}"
    try:
        _wait(endpoint, child, folder / "log")
        _make_bucket(endpoint)
        yield endpoint
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)


def _wait(endpoint: str, child: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + _START_SECONDS
    while True:
        assert child.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < limit, log.read_text()[-2000:]
        try:
            if httpx.get(f"{endpoint}/status").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)


def _make_bucket(endpoint: str) -> None:
    """Make the bucket, which the server does for a first file once it is ready."""
    settings = settings_of(endpoint)
    bucket = bucket_of(settings["files_url"])
    assert bucket
    store = S3Store(
        bucket.name,
        endpoint=endpoint,
        region=bucket.region,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )
    limit = time.monotonic() + _START_SECONDS
    while True:
        try:
            obstore.put(store, "first", b"first")
            return
        except BaseError:
            assert time.monotonic() < limit
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
