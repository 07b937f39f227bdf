"""`Executable`: one GraphQL operation of a document, ready to be charged and run."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    execute,
)

from schema.building.loaders import GraphQLContext
from schema.executing.limits import cost_of
from schema.executing.mistakes import Mistake
from schema.executing.value_errors import variable_mistakes
from schema.executing.walk import Walk
from schema.schema import SCHEMA
from services.operation.context import Request
from services.settings.settings import Settings


class Executable:
    """One GraphQL operation of a valid document, run by graphql-core."""

    def __init__(self, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self.document = document
        self.node = node
        self.writes = node.operation is OperationType.MUTATION
        self.subscribes = node.operation is OperationType.SUBSCRIPTION
        self.roots = root_fields(document, node)

    def cost(self, variables: Mapping[str, Any], settings: Settings) -> int:
        """The highest cost in units with these variables."""
        return cost_of(self.document, self.node, variables, settings)

    def takes(self, variables: Mapping[str, Any]) -> bool:
        """Do all variable values fit their declared types?"""
        return not self.variable_mistakes(variables)

    def variable_mistakes(self, variables: Mapping[str, Any]) -> list[Mistake]:
        """Every variable value that does not fit its declared type."""
        return variable_mistakes(self.node, variables)

    async def run(
        self, request: Request, variables: Mapping[str, Any], key: str | None
    ) -> ExecutionResult:
        """The data and errors. ``key`` is the Idempotency-Key header."""
        return await self._execute(request, variables, key, None)

    async def show(
        self, request: Request, variables: Mapping[str, Any], event: object
    ) -> ExecutionResult:
        """The data and errors of one event of a subscription."""
        return await self._execute(request, variables, None, event)

    async def _execute(
        self, request: Request, variables: Mapping[str, Any], key: str | None, root: object
    ) -> ExecutionResult:
        name = self.node.name
        result: Any = execute(
            SCHEMA,
            self.document,
            root_value=root,
            context_value=GraphQLContext(request, key, self._counting),
            variable_values=dict(variables),
            operation_name=name and name.value,
            hide_suggestions=not request.process.settings.explorable,
        )
        return await result if hasattr(result, "__await__") else result

    @cached_property
    def _counting(self) -> frozenset[int]:
        """The ids of the field nodes that select ``totalCount``."""
        walk = _Counting(self.document)
        walk.total(self.node.selection_set)
        return frozenset(walk.found)


def root_fields(document: DocumentNode, node: OperationDefinitionNode) -> tuple[FieldNode, ...]:
    """An operation's root fields but ``__typename``, those of fragments included, in order."""
    return _RootFields(document).total(node.selection_set)


class _RootFields(Walk[tuple[FieldNode, ...]]):
    """Collects the fields of the outermost level, each once."""

    nothing = ()
    enters_fields = False

    def plus(
        self, one: tuple[FieldNode, ...], other: tuple[FieldNode, ...]
    ) -> tuple[FieldNode, ...]:
        """The fields of both, each once: nodes are told apart by identity, not by content."""
        known = {id(node) for node in one}
        return (*one, *(node for node in other if id(node) not in known))

    def around(
        self, node: SelectionNode, within: str, inner: tuple[FieldNode, ...]
    ) -> tuple[FieldNode, ...]:
        """The field itself, or the fields of a fragment."""
        if not isinstance(node, FieldNode):
            return inner
        return () if node.name.value == "__typename" else (node,)


class _Counting(Walk[bool]):
    """Finds the fields that select ``totalCount``, directives ignored.

    A total that is counted and then skipped costs a statement and changes no answer.
    """

    nothing = False

    def __init__(self, document: DocumentNode) -> None:
        super().__init__(document)
        self.found: set[int] = set()

    def plus(self, one: bool, other: bool) -> bool:
        """Does either of two selections side by side have the field?"""
        return one or other

    def around(self, node: SelectionNode, within: str, inner: bool) -> bool:
        """Is a selection the field, or a fragment that has it?"""
        if not isinstance(node, FieldNode):
            return inner
        if inner:
            self.found.add(id(node))
        return node.name.value == "totalCount"
