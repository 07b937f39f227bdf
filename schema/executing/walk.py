"""The walk over a document's syntax tree. Other modules read documents only through it.

`Walk` goes through selections and follows fragments. `values_in` goes through the values of
arguments. Both take time linear in the document, and neither recurses: a document may nest deeper
than Python may.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableDefinitionNode,
)

Total = TypeVar("Total")


class _Open(Generic[Total]):
    """A selection set being added up, the type it selects from, and the node that holds it."""

    __slots__ = ("node", "rest", "total", "within")

    def __init__(
        self, node: SelectionNode | None, selected: SelectionSetNode, within: str, total: Total
    ) -> None:
        self.node = node
        self.rest: Iterator[SelectionNode] = iter(selected.selections)
        self.within = within
        self.total = total


class Walk(ABC, Generic[Total]):
    """Adds up selections from their leaves.

    It enters a fragment once and remembers its total, however often the fragment is spread. The
    work (``visits``, in nodes) is therefore linear in the document, where following every spread
    doubles it at each level.
    """

    #: The total of a field without selections.
    nothing: Total
    #: A walk that is only about the outermost level does not enter fields.
    enters_fields = True

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Total] = {}

    @abstractmethod
    def plus(self, one: Total, other: Total) -> Total:
        """The total of two selections side by side."""

    @abstractmethod
    def around(self, node: SelectionNode, within: str, inner: Total) -> Total:
        """The total of a selection from the type ``within``, around its own selections' total."""

    def returns(self, node: FieldNode, within: str) -> str:
        """The name of the type that a field of the type ``within`` returns."""
        return ""

    def total(self, selected: SelectionSetNode, within: str = "") -> Total:
        """The total of a selection set."""
        opened = [_Open(None, selected, within, self.nothing)]
        while True:
            current = opened[-1]
            node = next(current.rest, None)
            if node is not None:
                self.visits += 1
                inside = self._open(node, current.within)
                if inside is not None:
                    opened.append(inside)
                    continue
                done = self.around(node, current.within, self._inner(node))
            else:
                opened.pop()
                if current.node is None:
                    return current.total
                if isinstance(current.node, FragmentSpreadNode):
                    self._known[current.node.name.value] = current.total
                done = self.around(current.node, opened[-1].within, current.total)
            if done is not self.nothing:  # most fields cost nothing
                opened[-1].total = self.plus(opened[-1].total, done)

    def _open(self, node: SelectionNode, within: str) -> _Open[Total] | None:
        """The selections inside a node, where they are not known yet."""
        match node:
            case FieldNode(selection_set=SelectionSetNode() as selected) if self.enters_fields:
                return _Open(node, selected, self.returns(node, within), self.nothing)
            case InlineFragmentNode(selection_set=selected, type_condition=condition):
                within = condition.name.value if condition else within
                return _Open(node, selected, within, self.nothing)
            case FragmentSpreadNode(name=name) if name.value not in self._known:
                fragment = self._fragments.get(name.value)
                # A fragment adds nothing until it is known. This ends a cycle, which validation
                # refuses.
                self._known[name.value] = self.nothing
                if fragment is not None:
                    within = fragment.type_condition.name.value
                    return _Open(node, fragment.selection_set, within, self.nothing)
        return None

    def _inner(self, node: SelectionNode) -> Total:
        if isinstance(node, FragmentSpreadNode):
            return self._known[node.name.value]
        return self.nothing


def fields_in(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    root: str,
    returns: Callable[[FieldNode, str], str],
) -> Iterator[tuple[FieldNode, str]]:
    """Every field of an operation with the name of the type that it is selected from, in order.

    The fields of a fragment come once. ``root`` is the type of the root fields; ``returns`` names
    the type that a field of a type returns.
    """
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    pending = [(node, root) for node in reversed(operation.selection_set.selections)]
    while pending:
        node, within = pending.pop()
        selected = None
        match node:
            case FieldNode():
                yield node, within
                selected, within = node.selection_set, returns(node, within)
            case InlineFragmentNode(type_condition=condition):
                selected = node.selection_set
                within = condition.name.value if condition else within
            case FragmentSpreadNode() if fragment := fragments.pop(node.name.value, None):
                selected = fragment.selection_set
                within = fragment.type_condition.name.value
        if selected is not None:
            pending += [(one, within) for one in reversed(selected.selections)]


class Value(NamedTuple):
    """A value in the arguments of a field or directive: a literal, a variable, or an item of one.

    ``path`` is the place that REST reports: argument and field names, without the ``input`` that
    holds a body. ``argument`` is the name of the argument that the value is or lies in.
    """

    node: ValueNode
    path: str
    argument: str
    in_directive: bool


def values_in(*nodes: Node) -> Iterator[Value]:
    """Every value in the arguments below nodes; the defaults of variables are none of these."""
    pending: list[tuple[Node, bool]] = [(node, False) for node in nodes]
    while pending:
        node, in_directive = pending.pop()
        match node:
            case ArgumentNode():
                yield from _values_of(node, in_directive)
            case VariableDefinitionNode():
                pass
            case _:
                in_directive |= isinstance(node, DirectiveNode)
                pending += [(child, in_directive) for child in _children(node)]


def strings_in(document: DocumentNode) -> Iterator[str]:
    """The text of every string literal of a document."""
    pending: list[Node] = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, StringValueNode):
            yield node.value
        pending += _children(node)


def _values_of(argument: ArgumentNode, in_directive: bool) -> Iterator[Value]:
    """The value of an argument, and every value inside it."""
    name = argument.name.value
    pending = [(argument.value, "" if name == "input" else name)]
    while pending:
        node, path = pending.pop()
        yield Value(node, path, name, in_directive)
        match node:
            case ObjectValueNode():
                pending += [(one.value, joined(path, one.name.value)) for one in node.fields]
            case ListValueNode():
                pending += [
                    (one, joined(path, str(place))) for place, one in enumerate(node.values)
                ]


def _children(node: Node) -> Iterator[Node]:
    """The nodes directly inside a node."""
    for key in node.keys:
        inside: Any = getattr(node, key, None)
        if isinstance(inside, Node):
            yield inside
        elif isinstance(inside, tuple | list):
            yield from (one for one in inside if isinstance(one, Node))


def joined(path: str, name: str) -> str:
    """A path one step further."""
    return f"{path}.{name}" if path else name
