"""The committed contracts: written from the code, and checked against it.

    python -m api.cli.contracts            writes both OpenAPI files and the SDL
    python -m api.cli.contracts --check    says what differs, is not described, or breaks callers

The check has four parts:

- The committed files are what the code writes.
- Every public name has a description.
- docs/breaking-changes.md names each change since the last commit (or --against REVISION) that
  breaks callers.
- A migrated database is like one that is made from the tables.
"""

import argparse
import asyncio
import difflib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import graphql
import sqlalchemy as sa

from api.rest.openapi.documents import openapi
from persistence import migrate
from persistence.database.metadata import METADATA, create_all
from schema.schema import sdl

ROOT = Path(__file__).parents[2]
DECLARED_BREAKS = ROOT / "docs" / "breaking-changes.md"
SDL = "schema/schema.graphql"
OPENAPI = ("api/openapi-v1.json", "api/openapi-v2.json")


def contracts() -> dict[str, str]:
    """The text of every contract by its path, made from the code."""
    documents = {path: openapi(path[-7:-5]) for path in OPENAPI}
    texts = {
        path: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for path, document in documents.items()
    }
    return {**texts, SDL: sdl()}


def write() -> None:
    """Write every contract."""
    for path, text in contracts().items():
        (ROOT / path).write_text(text, encoding="utf-8")


def stale(texts: dict[str, str]) -> Iterator[str]:
    """Committed contracts that differ from the code."""
    for path, text in texts.items():
        file = ROOT / path
        committed = file.read_text(encoding="utf-8") if file.exists() else ""
        if committed != text:
            where = next(
                (
                    line
                    for line in difflib.unified_diff(
                        committed.splitlines(), text.splitlines(), lineterm="", n=0
                    )
                    if line[0] in "+-" and line[:3] not in ("+++", "---")
                ),
                "line ends",
            )
            yield f"{path} differs from the code ({where.strip()}); run ./scripts/contracts"


def undescribed(texts: dict[str, str]) -> Iterator[str]:
    """Public names without a description."""
    for path in OPENAPI:
        document = json.loads(texts[path])
        for name, schema in document["components"]["schemas"].items():
            yield from _undescribed_schema(f"{path}: {name}", schema)
        for key, parameter in document["components"]["parameters"].items():
            if not parameter.get("description"):
                yield f"{path}: parameter {key} has no description"
        for address, methods in document["paths"].items():
            for method, operation in methods.items():
                where = f"{path}: {method.upper()} {address}"
                if not operation.get("description"):
                    yield f"{where} has no description"
                for parameter in operation["parameters"]:
                    if "$ref" not in parameter and not parameter.get("description"):
                        yield f"{where}: parameter {parameter['name']} has no description"
    schema = graphql.build_schema(texts[SDL])
    for name, kind in schema.type_map.items():
        if name.startswith("__") or graphql.is_specified_scalar_type(kind):
            continue
        yield from _undescribed_type(f"{SDL}: {name}", kind)


def _undescribed_schema(where: str, schema: dict[str, Any]) -> Iterator[str]:
    if not schema.get("description"):
        yield f"{where} has no description"
    for name, item in schema.get("properties", {}).items():
        if not item.get("description"):
            yield f"{where}.{name} has no description"


def _undescribed_type(where: str, kind: Any) -> Iterator[str]:
    if not kind.description:
        yield f"{where} has no description"
    for name, item in (getattr(kind, "fields", None) or {}).items():
        if not item.description:
            yield f"{where}.{name} has no description"
        for argument, taken in getattr(item, "args", {}).items():
            if not taken.description:
                yield f"{where}.{name}({argument}) has no description"
    for name, value in (getattr(kind, "values", None) or {}).items():
        if not value.description:
            yield f"{where}.{name} has no description"


def breaking(texts: dict[str, str], revision: str) -> Iterator[str]:
    """Changes since a revision that break callers and are not declared."""
    declared = DECLARED_BREAKS.read_text(encoding="utf-8") if DECLARED_BREAKS.exists() else ""
    for path, text in texts.items():
        before = _committed(path, revision)
        if before is None:
            continue
        if path == SDL:
            changes: Iterator[str] = (
                change.description
                for change in graphql.find_breaking_changes(
                    graphql.build_schema(before), graphql.build_schema(text)
                )
            )
        else:
            changes = _openapi_breaks(json.loads(before), json.loads(text))
        for change in changes:
            if change not in declared:
                yield f"{path}: {change} (breaks callers; declare it in docs/breaking-changes.md)"


def _committed(path: str, revision: str) -> str | None:
    """A file at a revision; None when the file or git is missing."""
    try:
        shown = subprocess.run(
            ["git", "show", f"{revision}:{path}"], cwd=ROOT, capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    return shown.stdout.decode() if shown.returncode == 0 else None


def _openapi_breaks(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Names of the earlier document that its callers would miss in the later one."""
    for address, methods in before["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {address}"
            new = after["paths"].get(address, {}).get(method)
            if new is None:
                yield f"{where} was removed"
                continue
            yield from _parameter_breaks(where, _parameters(before, old), _parameters(after, new))
            if "requestBody" in new and new["requestBody"].get("required"):
                if not old.get("requestBody", {}).get("required"):
                    yield f"{where} now needs a body"
    old_schemas = before["components"]["schemas"]
    new_schemas = after["components"]["schemas"]
    for name, old in old_schemas.items():
        new = new_schemas.get(name)
        if new is None:
            yield f"schema {name} was removed"
        else:
            yield from _schema_breaks(name, old, new)


def _parameters(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    shared = document["components"]["parameters"]
    found = [
        shared[item["$ref"].rsplit("/", 1)[1]] if "$ref" in item else item
        for item in operation["parameters"]
    ]
    return {f"{item['in']} parameter {item['name']}": item for item in found}


def _parameter_breaks(
    where: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> Iterator[str]:
    for name, old in before.items():
        if name not in after:
            yield f"{where}: {name} was removed"
        else:
            yield from _enum_breaks(f"{where}: {name}", old["schema"], after[name]["schema"])
    for name, new in after.items():
        if new.get("required") and not before.get(name, {}).get("required"):
            yield f"{where}: {name} is now required"


def _schema_breaks(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A schema that forbids unknown names is an input; callers read all others."""
    taken = old.get("additionalProperties") is False
    for item, schema in old.get("properties", {}).items():
        if item not in new.get("properties", {}):
            yield f"{name}.{item} was removed"
        else:
            yield from _enum_breaks(f"{name}.{item}", schema, new["properties"][item], taken)
    required, formerly = set(new.get("required", ())), set(old.get("required", ()))
    for item in sorted(required - formerly if taken else formerly - required):
        verb = "is now required" if taken else "is no longer always there"
        if item in new.get("properties", {}):
            yield f"{name}.{item} {verb}"
    yield from _enum_breaks(name, old, new, taken)


def _enum_breaks(
    where: str, old: dict[str, Any], new: dict[str, Any], taken: bool = True
) -> Iterator[str]:
    """Values that callers send must stay valid; values that they read must not become more."""
    before, after = _types(old), _types(new)
    if not (before <= after if taken else after <= before):
        yield f"{where} changed from {' or '.join(sorted(before))} to {' or '.join(sorted(after))}"
    for value in old.get("enum", ()):
        if "enum" in new and value not in new["enum"]:
            yield f"{where} no longer knows {value}"


def _types(schema: dict[str, Any]) -> set[str]:
    """The JSON types of a schema; a reference counts as an object."""
    options = [item for item in schema.get("anyOf", [schema]) if item]
    return {item.get("type", "object") for item in options}


def databases() -> Iterator[str]:
    """Differences between a migrated database and one made from the tables."""
    from api.local import embedded_servers

    with tempfile.TemporaryDirectory(prefix="tandem-contracts-") as folder:
        servers = embedded_servers.start(Path(folder), durable=False, valkey=False)
        try:
            url = servers.database_url
            made = url.replace(f"/{embedded_servers.DATABASE}?", "/made?")
            migrate.upgrade(url)
            yield from asyncio.run(_compared(url))
            asyncio.run(_made(url, made))
            migrated, built = _dumped(url), _dumped(made)
            yield from (f"only in the migrations: {line}" for line in sorted(migrated - built))
            yield from (f"only in the tables: {line}" for line in sorted(built - migrated))
        finally:
            servers.stop()


async def _compared(url: str) -> list[str]:
    """Differences that Alembic finds between the database and the tables."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    def compare(connection: sa.Connection) -> list[str]:
        # The dumps compare defaults and indexes. Alembic compares a default by its value, and a
        # sequence has two; it does not read the collation of an indexed expression.
        opts = {"compare_type": True, "include_object": _is_compared}
        context = MigrationContext.configure(connection, opts=opts)
        return [f"migrations lack {item}" for item in compare_metadata(context, METADATA)]

    engine = migrate.engine_for(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(compare)
    await engine.dispose()
    return found


def _is_compared(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    # The dumps have the partitions of the log, which Alembic takes for tables of their own.
    partition = kind == "table" and str(name).startswith("events_")
    return kind != "index" and not partition


async def _made(url: str, made: str) -> None:
    """Make the second database, from the tables."""
    engine = migrate.engine_for(url)
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(sa.text("CREATE DATABASE made"))
    await engine.dispose()
    engine = migrate.engine_for(made)
    async with engine.begin() as connection:
        await connection.run_sync(create_all)
    await engine.dispose()


def _dumped(url: str) -> set[str]:
    """A database's statements, each with its lines sorted.

    The order of columns and of statements is not compared: migrations add columns at the end.
    """
    from api.local import embedded_servers

    dump_program = embedded_servers.postgres_program("pg_dump")
    command = [dump_program, "--schema-only", "--no-owner", "--dbname", url]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [
        line for line in dump.splitlines() if line.strip() and not line.startswith(("--", "\\"))
    ]
    statements = "\n".join(lines).split(";\n")
    ordered = (
        " ".join(sorted(line.strip().rstrip(",") for line in statement.splitlines()))
        for statement in statements
    )
    return {text for text in ordered if "alembic_version" not in text}


def check(revision: str) -> int:
    """Print every fault; returns the exit status."""
    texts = contracts()
    checks: list[Callable[[], Iterator[str]]] = [
        lambda: stale(texts),
        lambda: undescribed(texts),
        lambda: breaking(texts, revision),
        databases,
    ]
    problems = [problem for look in checks for problem in look()]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def main() -> None:
    """Read the command line, then write or check the contracts."""
    parser = argparse.ArgumentParser(
        prog="api.cli.contracts", description="Write or check contracts."
    )
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--against", default="HEAD", help="revision to find breaking changes from")
    options = parser.parse_args()
    if options.check:
        sys.exit(check(options.against))
    write()


if __name__ == "__main__":
    main()
