"""Operations of a document, and all that is asked of one at every request, found out once."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    VariableNode,
)

from schema.executing.documents import Prepared, operation_of, root_fields, writes
from schema.executing.limits import cost_of
from schema.executing.value_errors import variable_errors
from schema.fast.arguments import Declared, Variables
from schema.fast.executable import Programs
from services.errors.common import FieldError
from services.operation.context import Request
from services.quota.costs import SIZES
from services.settings import Settings

#: Costs that one operation remembers, for different page sizes.
_MOST_COSTS = 32


class Executable:
    """One operation of a valid document."""

    def __init__(self, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self.document = document
        self.node = node
        self.writes = writes(node)
        self.roots = root_fields(document, node)
        self._declared = Declared(node)
        self._sizes, directives = ([], []) if not self._declared.definitions else _asked(document)
        self._programs = Programs(document, node, self._declared, directives)
        self._costs: dict[Any, int] = {}

    def cost(self, variables: Mapping[str, Any], settings: Settings) -> int:
        """The units that it takes at the most with these variables.

        Remembered by what page sizes are: walking a document takes 5 µs a field.
        """
        sizes = (settings.page_size, *(_size(variables, name) for name in self._sizes))
        found = self._costs.get(sizes)
        if found is None:
            found = cost_of(self.document, self.node, variables, settings)
            if len(self._costs) < _MOST_COSTS:
                self._costs[sizes] = found
        return found

    def variable_errors(self, given: Mapping[str, Any]) -> list[FieldError]:
        """Every variable value that does not fit its declared type."""
        if self._declared.plain(given) is not None:
            return []
        return variable_errors(self.document, self.node, given)

    async def run_compiled(
        self, request: Request, given: Mapping[str, Any]
    ) -> ExecutionResult | None:
        """The answer of its own function; None where graphql-core is to run it."""
        try:
            variables = Variables(self._declared, given)
        except GraphQLError:
            return None
        return await self._programs.run(request, variables)


def executable(prepared: Prepared, name: str | None) -> Executable | None:
    """The operation to run: the named one, or the only one."""
    found = prepared.operations.get(name)
    if found is None and prepared.document is not None:
        node = operation_of(prepared.document, name)
        if node is not None:
            found = prepared.operations[name] = Executable(prepared.document, node)
    return found


def _asked(document: DocumentNode) -> tuple[list[str], list[str]]:
    """The variables that page sizes depend on, and those that directives ask for."""
    sizes: set[str] = set()
    directives: set[str] = set()
    pending: list[tuple[Node, set[str] | None]] = [(document, None)]
    while pending:
        node, found = pending.pop()
        match node:
            case VariableNode() if found is not None:
                found.add(node.name.value)
            case DirectiveNode():
                found = directives
            case ArgumentNode() if found is None and node.name.value in (*SIZES, "ids"):
                found = sizes
        for key in node.keys:
            inside = getattr(node, key, None)
            for one in inside if isinstance(inside, tuple | list) else (inside,):
                if isinstance(one, Node):
                    pending.append((one, found))
    return sorted(sizes), sorted(directives)


def _size(variables: Mapping[str, Any], name: str) -> Any:
    """What of a variable's value a page size can be told from."""
    if name not in variables:
        return None
    value = variables[name]
    if isinstance(value, list):
        return (list, len(value))
    if isinstance(value, str):
        return (str, hash(value))
    return (type(value), value if isinstance(value, int | float) else None)
