"""Programs: the compiled functions of one operation, made when it comes again, and kept."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
)

from schema.fast.arguments import Declared, Variables
from schema.fast.codegen import compile_plan
from schema.fast.lookahead import look_ahead
from schema.fast.plan import NotCompiled, Plan, Planner
from schema.fast.runner import Run
from services.operation.context import Request

#: Compiling takes some 20 µs a field, as much as running four on graphql-core: strangers send new
#: documents, so what comes once is not compiled.
_COMPILED_AT = 2
#: Variables of directives choose among that many functions for one operation.
_MOST_CHOICES = 8
#: In fields, over all operations; a field's code takes some 1 kB, so 50 MB at the very most.
_MOST_KEPT = 50_000


class _Kept:
    """Which plans there are, the one not used for longest first, and how large they all are."""

    def __init__(self) -> None:
        self._plans: OrderedDict[tuple[Programs, Any], int] = OrderedDict()
        self._size = 0

    def add(self, programs: "Programs", choice: Any, size: int) -> None:
        """Keep one more, and drop old ones that are too many."""
        self._plans[programs, choice] = size
        self._size += size
        while self._size > _MOST_KEPT:
            (holder, dropped), freed = self._plans.popitem(last=False)
            self._size -= freed
            holder.drop(dropped)

    def use(self, programs: "Programs", choice: Any) -> None:
        """Say that a plan is used still."""
        self._plans.move_to_end((programs, choice))


_kept = _Kept()


class Programs:
    """The compiled functions of one operation: one for each choice of what directives ask."""

    def __init__(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        declared: Declared,
        asked: Sequence[str],
    ) -> None:
        """``asked`` are the variables that directives ask for."""
        self._document = document
        self._operation = operation
        self._declared = declared
        self._asked = asked
        self._seen = 0
        #: None for what is not compiled.
        self._plans: dict[Any, Plan | None] = {}

    async def run(self, request: Request, variables: Variables) -> ExecutionResult | None:
        """The answer; None where graphql-core is to run it."""
        plan = self._plan(variables)
        if plan is None:
            return None
        data, errors = await Run(plan, request, variables).answer()
        return ExecutionResult(data, list(errors) or None)

    def drop(self, choice: Any) -> None:
        """Forget a function; it is compiled again when it is needed."""
        self._plans.pop(choice, None)

    def _plan(self, variables: Variables) -> Plan | None:
        coerced = variables.coerced
        choice = tuple([coerced.get(name) for name in self._asked])
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
            plan = Planner(self._document, self._operation, variables.whole).plan()
            look_ahead(plan.root)
            compile_plan(plan)
            _kept.add(self, choice, plan.size)
        except (NotCompiled, GraphQLError):
            pass
        self._plans[choice] = plan
        return plan
