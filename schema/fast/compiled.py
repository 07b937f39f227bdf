"""`CompiledExecutable`: a GraphQL operation that is compiled to functions when it comes again."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    VariableNode,
)

from schema.executing.executable import Executable
from schema.executing.walk import values_in
from schema.fast.arguments import DeclaredVariables, Variables
from schema.fast.codegen import compile_plan
from schema.fast.lookahead import look_ahead
from schema.fast.plan import NotCompiled, Plan, Planner
from schema.fast.runner import Run
from services.operation.context import Request
from services.quota.costs import SIZES
from services.settings.settings import Settings

#: Compiling takes some 20 µs a field, as much as running four fields on graphql-core. Strangers
#: send new documents, so a document that comes once is not compiled.
_COMPILED_AT = 2
#: The variables of directives choose among this many functions of one operation.
_MOST_CHOICES = 8
#: In fields, over all operations. A field's code takes some 1 kB, so all take 50 MB at most.
_MOST_KEPT = 50_000
#: An operation remembers this many costs, for different page sizes.
_MOST_COSTS = 32
#: The arguments that the size of a list depends on.
_SIZED_BY = (*SIZES, "ids")


class _KeptPlans:
    """The plans of all operations, least recently used first, and their size in fields."""

    def __init__(self) -> None:
        self._sizes: OrderedDict[tuple[CompiledExecutable, Any], int] = OrderedDict()
        self._size = 0

    def add(self, holder: "CompiledExecutable", choice: Any, size: int) -> None:
        """Keep one more plan, and drop the oldest ones beyond the limit."""
        self._sizes[holder, choice] = size
        self._size += size
        while self._size > _MOST_KEPT:
            (oldest, dropped), freed = self._sizes.popitem(last=False)
            self._size -= freed
            oldest.drop(dropped)

    def use(self, holder: "CompiledExecutable", choice: Any) -> None:
        """Note that a plan was used."""
        self._sizes.move_to_end((holder, choice))


_kept = _KeptPlans()


class CompiledExecutable(Executable):
    """One GraphQL operation of a valid document, run by its own compiled functions.

    There is one plan for each choice of what the variables of directives are. graphql-core runs an
    operation that comes for the first time or cannot be compiled.
    """

    def __init__(self, document: DocumentNode, node: OperationDefinitionNode) -> None:
        super().__init__(document, node)
        self._declared = DeclaredVariables(node)
        self._sizing, self._choosing = (
            _variables_by_use(document) if node.variable_definitions else ([], [])
        )
        self._costs: dict[Any, int] = {}
        self._seen = 0
        #: None for a choice that cannot be compiled.
        self._plans: dict[Any, Plan | None] = {}

    def cost(self, variables: Mapping[str, Any], settings: Settings) -> int:
        """The highest cost in units with these variables.

        It is remembered for each choice of page sizes: a walk takes 5 µs a field.
        """
        sizes = (settings.page_size, *(_size(variables, name) for name in self._sizing))
        found = self._costs.get(sizes)
        if found is None:
            found = super().cost(variables, settings)
            if len(self._costs) < _MOST_COSTS:
                self._costs[sizes] = found
        return found

    def takes(self, variables: Mapping[str, Any]) -> bool:
        """Do all variable values fit their declared types?"""
        return self._declared.coerce_plain(variables) is not None or super().takes(variables)

    async def run(
        self, request: Request, variables: Mapping[str, Any], key: str | None
    ) -> ExecutionResult:
        """The data and errors. ``key`` is the Idempotency-Key header."""
        try:
            coerced = Variables(self._declared, variables)
        except GraphQLError:
            return await super().run(request, variables, key)
        plan = self._plan(coerced)
        if plan is None:
            return await super().run(request, variables, key)
        data, errors = await Run(plan, request, coerced).answer()
        return ExecutionResult(data, list(errors) or None)

    def drop(self, choice: Any) -> None:
        """Forget a plan; it is compiled again when it is needed."""
        self._plans.pop(choice, None)

    def _plan(self, variables: Variables) -> Plan | None:
        """The compiled plan; None where graphql-core is to run the operation."""
        choice = tuple([variables.coerced.get(name) for name in self._choosing])
        if choice in self._plans:
            plan = self._plans[choice]
            if plan is not None:
                _kept.use(self, choice)
            return plan
        self._seen += 1
        if self._seen < _COMPILED_AT or len(self._plans) >= _MOST_CHOICES:
            return None
        plan = None
        try:
            plan = Planner(self.document, self.node, variables.whole).plan()
            look_ahead(plan.root)
            compile_plan(plan)
            _kept.add(self, choice, plan.size)
        except (NotCompiled, GraphQLError):
            pass
        self._plans[choice] = plan
        return plan


def _variables_by_use(document: DocumentNode) -> tuple[list[str], list[str]]:
    """The variables that page sizes depend on, and the variables of directives."""
    sizing: set[str] = set()
    choosing: set[str] = set()
    for value in values_in(document):
        if isinstance(value.node, VariableNode):
            if value.in_directive:
                choosing.add(value.node.name.value)
            elif value.argument in _SIZED_BY:
                sizing.add(value.node.name.value)
    return sorted(sizing), sorted(choosing)


def _size(variables: Mapping[str, Any], name: str) -> Any:
    """The part of a variable's value that a page size depends on."""
    if name not in variables:
        return None
    value = variables[name]
    if isinstance(value, list):
        return (list, len(value))
    if isinstance(value, str):
        return (str, hash(value))
    return (type(value), value if isinstance(value, int | float) else None)
