"""The rules of the house, tested like features."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any, get_type_hints

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.sql import visitors

import persistence
import services
from persistence.amounts import AMOUNTS
from persistence.database.columns import Money
from persistence.database.listing import Listing
from persistence.database.metadata import METADATA
from persistence.database.rules import APPEND_ONLY, TOUCHED
from services.catalogue import BY_NAME, OPERATIONS
from services.operation.declaration import Key
from services.operation.operation import Operation
from tests.conftest import CHECKOUT
from tests.faces import ADDRESSES
from tests.shop import Person, Shop

LAYERS = ("api", "schema", "services", "persistence")
#: Files beyond the limit, and how long they may be. This list is meant to shrink.
LONGER: dict[str, int] = {}
LONGEST = 450
#: Who reads the environment beside the settings: the command line, which also sets it for workers.
READS_ENVIRONMENT = {"services/settings/settings.py", "api/cli/__main__.py", "api/cli/serve.py"}
READS_ENVIRONMENT |= {"api/cli/servers.py"}
#: Rooms and files of services that hold no operations, but what operations and jobs run in.
MACHINERY = {"access", "cache", "fast", "operation", "quota"}
QUEUE = {"services/jobs/queue.py", "services/jobs/schedules.py"}
#: Modules that choose between a library's own way and a faster one; they import `fast` rooms.
COMPOSING = {"persistence.database.pool", "services.process", "api.app"}
#: Folders that list nouns or commands; all others are rooms of machinery.
NOUNS = {"api/cli", "api/rest", "persistence", "schema", "services", "services/errors"}
#: Names that meant several things or said nothing, and what files were called by them.
OLD_NAMES = {
    *("Absence", "Ahead", "Asked", "Door", "Gathered", "Hopeless", "Later", "PackedQuery", "Part"),
    *("PartQuery", "Shelf", "Tally", "Watches", "ahead", "careful", "door_of", "gathered"),
    *("glimpse", "led", "outside", "own", "packed", "sight", "stand", "straight", "tally", "tick"),
    "watches",
}
OLD_FILES = {"absence", "careful", "coercion", "gathered", "packed", "parts", "seals", "shelf"}
OLD_FILES |= {"source", "wants", "watch"}
#: What no index answers: each filters or sorts the few rows that another condition found.
NOT_INDEXED = {"stock.on_hand", "stock.held", "products.is_active"}
NOT_INDEXED |= {"payments.created_at", "payments.status"}


def sources(*layers: str) -> Iterator[tuple[str, ast.Module]]:
    for layer in layers:
        for file in sorted((CHECKOUT / layer).rglob("*.py")):
            if not {"migrations", "node_modules"} & set(file.parts):
                yield str(file.relative_to(CHECKOUT)), ast.parse(file.read_text())


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in found.name:
            yield importlib.import_module(found.name)


def declared() -> dict[str, Operation[Any, Any]]:
    """Every operation that some module of services holds."""
    return {
        f"{module.__name__}.{name}": value
        for module in modules(services)
        for name, value in vars(module).items()
        if isinstance(value, Operation) and value.run.__module__ == module.__name__
    }


def test_every_operation_is_in_the_catalogue() -> None:
    called = {operation for operation in declared().values() if not operation.internal}
    assert called == set(OPERATIONS)
    assert set(BY_NAME) == set(ADDRESSES)
    assert len(OPERATIONS) == len(BY_NAME)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_declared_whole(operation: Operation[Any, Any]) -> None:
    assert re.fullmatch(r"[a-z]+[A-Za-z]*\.[a-z]+[A-Za-z]*", operation.name)
    assert operation.description.split("\n")[0].endswith(".")
    # Writes, and only writes, are given a transaction.
    takes = inspect.signature(operation.run).parameters
    assert ("tx" in takes) == operation.writes
    assert operation.writes or operation.key is Key.NONE
    assert operation.writes or not operation.conditional
    for name, item in operation.input.model_fields.items():
        assert item.description, name


def test_only_the_wrapper_begins_transactions() -> None:
    begun = {
        path
        for path, tree in sources("services", "schema", "api")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "transaction"
    }
    # The books only read, all in one snapshot; signing keys are rotated by an operator, not by a
    # caller; jobs run after the operation that queued them, or by themselves, outside requests.
    others = {"services/books/running.py", "services/access/signing.py"}
    others |= {
        "services/jobs/schedules.py",
        "services/jobs/queue.py",
        "services/mail/accounts.py",
        "services/jobs/retention.py",
    }
    others |= {
        "services/invoices/issuing.py",
        "services/audit/chain.py",
        "services/jobs/unfinished.py",
        "services/search/reindexing.py",
        "services/uploads/sweeping.py",
        "services/events/keeping.py",
        "services/events/sequencing.py",
    }
    assert begun - others == {"services/operation/running.py"}


def test_no_function_outside_operations_writes() -> None:
    """A function that takes a transaction is an operation, or a helper of operations alone."""
    taking: dict[str, bool] = {}
    calls: dict[str, set[str]] = {}
    for path, tree in sources("services"):
        if path.split("/")[1] in MACHINERY or path in QUEUE:
            continue
        for node in tree.body:
            if not isinstance(node, ast.AsyncFunctionDef):
                continue
            arguments = [argument.arg for argument in node.args.args]
            if "tx" in arguments:
                taking[node.name] = bool(node.decorator_list)
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call):
                    called = getattr(inner.func, "attr", getattr(inner.func, "id", ""))
                    calls.setdefault(called, set()).add(node.name)
                if isinstance(inner, ast.keyword) and inner.arg == "locks_before_session":
                    calls.setdefault(ast.unparse(inner.value), set()).add(node.name)
    helpers = {name for name, decorated in taking.items() if not decorated}
    assert helpers
    for name in helpers:
        assert calls.get(name), f"{name} is called by nobody"
        assert calls[name] <= set(taking), f"{name} is called without a transaction"


def test_operations_never_call_operations() -> None:
    for module in modules(services):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call):
                assert not isinstance(_named(module, node.func), Operation), ast.unparse(node)


def _named(module: ModuleType, node: ast.expr) -> object:
    if isinstance(node, ast.Name):
        return getattr(module, node.id, None)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return getattr(getattr(module, node.value.id, None), node.attr, None)
    return None


def test_files_stay_short() -> None:
    found = {
        str(file.relative_to(CHECKOUT)): len(file.read_text().splitlines())
        for layer in LAYERS
        for file in (CHECKOUT / layer).rglob("*.py")
        if "migrations" not in file.parts
    }
    long = {path: lines for path, lines in found.items() if lines > LONGER.get(path, LONGEST)}
    assert long == {}
    spared = {path for path in LONGER if found[path] <= LONGEST}
    assert spared == set(), "no longer long: take them off the list"


def imports_of(name: str, tree: ast.Module, known: set[str]) -> set[str]:
    """The modules of ours that a module imports anywhere in it, also inside its functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known or {node.module}
    return (found & known) - {name}


def import_graph() -> dict[str, set[str]]:
    """Every module of ours and those it imports."""
    trees = {
        path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): tree
        for path, tree in sources(*LAYERS)
    }
    return {name: imports_of(name, tree, set(trees)) for name, tree in trees.items()}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules that reach each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        pending = [start]
        while pending:
            for following in graph[pending.pop()] - seen:
                seen.add(following)
                pending.append(following)
        return seen

    reach = {name: reached(name) for name in graph}
    members = [name for name in graph if name in reach[name]]
    groups = {frozenset(o for o in members if o in reach[n] and n in reach[o]) for n in members}
    return [set(group) for group in groups]


def test_imports_have_one_circle_which_is_the_domains_own() -> None:
    assert circles(import_graph()) == [{"schema.orders", "schema.invoices"}]


def test_nothing_outside_graphql_is_imported_for_types_alone() -> None:
    users = {
        path
        for path, tree in sources(*LAYERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
    }
    assert users == {"schema/orders.py"}


def test_the_fast_ways_are_chosen_in_two_files() -> None:
    readers = {
        path
        for path, tree in sources(*LAYERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "fast_paths"
    }
    assert readers == {"services/process.py", "api/app.py"}


def test_only_composing_files_import_fast_rooms() -> None:
    importers = {
        name
        for name, imported in import_graph().items()
        if ".fast" not in name and any(".fast." in each for each in imported)
    }
    assert importers == COMPOSING


def test_folders_can_be_listed_at_a_glance() -> None:
    """A room of machinery has at most twelve files; nouns and commands have at most forty."""
    for layer in LAYERS:
        for folder in [CHECKOUT / layer, *(CHECKOUT / layer).rglob("*/")]:
            names = [file.name for file in folder.glob("*.py") if file.name != "__init__.py"]
            if folder.name not in ("__pycache__", "versions"):
                most = 40 if str(folder.relative_to(CHECKOUT)) in NOUNS else 12
                assert len(names) <= most, folder


def test_old_names_are_gone() -> None:
    for path, tree in sources(*LAYERS):
        for node in ast.walk(tree):
            defined = getattr(node, "name", None)
            if isinstance(node, ast.arg):
                defined = node.arg
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined = node.id
            assert defined not in OLD_NAMES, f"{path}: {defined}"
    for layer in LAYERS:
        for file in (CHECKOUT / layer).rglob("*.py"):
            assert file.stem not in OLD_FILES, file


def test_only_settings_read_the_environment() -> None:
    readers = {
        path
        for path, tree in sources(*LAYERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv", "environb")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert readers <= READS_ENVIRONMENT


def test_money_is_never_a_float() -> None:
    money = {
        "amount",
        "balance",
        "balance_after",
        "price",
        "unit_price",
        "subtotal",
        "total",
        "tax",
    }
    for table in METADATA.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, sa.Float), column
            if column.name in money:
                assert column.type is Money, column
    seen = set()
    for operation in OPERATIONS:
        for result in operation.results:
            for name, hint in get_type_hints(result).items():
                assert hint is not float
                if name in money:
                    assert hint is Decimal, name
                    seen.add(name)
    assert {"amount", "balance", "price", "total", "tax"} <= seen


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    marks = {"skip", "skipif", "importorskip", "xfail"}
    found = [
        path
        for path, tree in sources("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in marks
    ]
    assert found == []


def listings() -> Iterator[tuple[str, Listing[Any]]]:
    for module in modules(persistence):
        for name, value in vars(module).items():
            if isinstance(value, Listing):
                yield f"{module.__name__}.{name}", value


def test_what_a_list_filters_or_sorts_on_is_indexed() -> None:
    indexed = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for holder in table.constraints
        if isinstance(holder, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
        for column in holder.columns
    }
    indexed |= {
        f"{table.name}.{element.name}"
        for table in METADATA.tables.values()
        for index in table.indexes
        for expression in index.expressions
        if not isinstance(expression, str)
        for element in visitors.iterate(expression)
        if isinstance(element, sa.Column)
    }
    found = dict(listings())
    assert "persistence.orders.views.OWN_ORDERS" in found
    for name, listing in found.items():
        expressions = [sort.column for sort in listing.sorts.values()]
        expressions += listing._filters.values()
        for expression in expressions:
            for element in visitors.iterate(expression):
                if isinstance(element, sa.Column):
                    place = f"{element.table.name}.{element.name}"
                    assert place in indexed | NOT_INDEXED, f"{name}: {place}"


def test_every_foreign_key_is_indexed() -> None:
    for table in METADATA.tables.values():
        holders = [*table.indexes, *table.constraints]
        leading = {
            next(iter(holder.columns)).name
            for holder in holders
            if isinstance(holder, sa.Index | sa.UniqueConstraint | sa.PrimaryKeyConstraint)
            and len(holder.columns)
        }
        for key in table.foreign_keys:
            assert key.parent.name in leading, key.parent


def test_every_changing_table_is_touched_and_every_fact_is_append_only() -> None:
    changing = {table.name for table in METADATA.tables.values() if "updated_at" in table.columns}
    assert changing == set(TOUCHED)
    assert not changing & set(APPEND_ONLY)
    facts = {"transfers", "postings", "order_history", "stock_movements", "payments"}
    facts |= {"invoices", "invoice_pdfs"}
    facts |= {"audit_log", "audit_seals", "provider_events"}
    facts |= {"refunds", "refund_lines", "shop"}
    assert facts == set(APPEND_ONLY)


def test_every_amount_has_the_decimals_of_its_currency() -> None:
    tables = METADATA.tables.values()
    amounts = {
        table: {column.name for column in table.columns if column.type is Money} for table in tables
    }
    beside = {table.name: names for table, names in amounts.items() if "currency" in table.columns}
    assert {name: names for name, names in beside.items() if names} == {
        # A coupon's value may be a percentage.
        name: {*columns, *(("value",) if name == "coupons" else ())}
        for name, columns in AMOUNTS.items()
    }
    for table, names in amounts.items():
        rules = [
            str(rule.sqltext)
            for rule in table.constraints
            if isinstance(rule, sa.CheckConstraint) and rule.name == f"{table.name}_scale_check"
        ]
        limited = set(re.findall(r"scale\((\w+)\) <= 3", " ".join(rules)))
        assert limited == names, table.name


#: The tables with columns that are made of their texts.
SEARCHED = ("products", "categories", "users", "posts")


async def test_the_rules_stand_in_the_database(shop: Shop) -> None:
    triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    found = {row["tgname"] for row in await shop.rows(triggers)}
    assert found == {
        *(f"{table}_touch" for table in TOUCHED),
        *(f"{table}_refuse" for table in APPEND_ONLY),
        "audit_chain_refuse",
        "postings_post",
        "postings_balanced",
        "orders_hold",
        "orders_release",
        "accounts_held",
        *(f"{table}_decimals" for table in AMOUNTS),
        "sessions_ended",
        "api_keys_ended",
        "users_role",
        "users_standing",
        *(f"{table}_changed_text" for table in SEARCHED),
        *(f"{table}_made_text" for table in SEARCHED),
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_results_are_light_structs_with_a_described_name_each(
    operation: Operation[Any, Any],
) -> None:
    for result in operation.results:
        assert issubclass(result, msgspec.Struct)
        hints = get_type_hints(result, include_extras=True)
        for item in msgspec.structs.fields(result):
            described = [
                extra.description
                for extra in getattr(hints[item.name], "__metadata__", ())
                if isinstance(extra, msgspec.Meta)
            ]
            assert described, item.name
            assert described[0], item.name
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]*)*[0-9]*", item.encode_name)


W4 = """
query ($first: Int!) {
  orders(first: $first) {
    nodes { id lines { quantity product { name category { name } } } }
  }
}
"""


async def statements(client: httpx.AsyncClient, caller: Person, first: int) -> tuple[int, Any]:
    """How many statements a document needs, as the server tells."""
    body = {"query": W4, "variables": {"first": first}}
    response = await client.post("/graphql", json=body, headers=caller.headers)
    assert response.status_code == 200
    told = re.search(r'desc="(\d+) statements?"', response.headers["server-timing"])
    assert told
    return int(told[1]), response.json()["data"]["orders"]["nodes"]


async def test_orders_with_products_and_categories_take_a_statement_per_level(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="1000.00")
    shelves = [await shop.category() for _ in range(5)]
    products = [
        await shop.product("1.00", stock=1000, categoryId=shelves[place % 5]) for place in range(12)
    ]
    for place in range(20):
        picked = [products[(place + step) % 12] for step in range(3)]
        await shop.order(buyer, [(product.id, 1) for product in picked])
    await statements(client, buyer, 1)  # what comes again is compiled, and joins more
    few, five = await statements(client, buyer, 5)
    many, twenty = await statements(client, buyer, 20)
    assert (len(five), len(twenty)) == (5, 20)
    assert all(line["product"]["category"]["name"] for order in twenty for line in order["lines"])
    # The session; then orders with their lines, products, categories.
    assert few == many <= 4


async def test_history_under_many_orders_takes_one_statement_of_its_own(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="1000.00")
    product = await shop.product("1.00", stock=100)
    for _ in range(12):
        await shop.order(buyer, [(product.id, 1)], paid=True)
    taken = []
    for first in (3, 12):
        document = (
            f"{{ orders(first: {first}) {{ nodes {{ id history(first: 1) "
            "{ nodes { toStatus } } } } }"
        )
        response = await client.post("/graphql", json={"query": document}, headers=buyer.headers)
        nodes = response.json()["data"]["orders"]["nodes"]
        assert [order["history"]["nodes"] for order in nodes] == [[{"toStatus": "PAID"}]] * first
        told = re.search(r'desc="(\d+) statements?"', response.headers["server-timing"])
        assert told
        taken.append(int(told[1]))
    # Visibility and the pages: two for all of them.
    assert taken[0] == taken[1] <= 4
