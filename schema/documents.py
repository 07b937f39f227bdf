"""Documents: parsed and validated once, then kept; and what they say about a request."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    Node,
    NoSchemaIntrospectionCustomRule,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    parse,
    specified_rules,
    validate,
)

from schema.schema import SCHEMA

#: Longer documents are no client's: the longest of ours has some hundreds of tokens.
_MOST_TOKENS = 4_000
_MOST_ERRORS = 20
#: In characters. Only documents up to the second are kept: a syntax tree takes 70 times its text,
#: so strangers can make the cache hold 140 MB at the very most.
_LONGEST = 100_000
_LONGEST_KEPT = 8_000
#: One name (``id``, say) in this many places is compared in 0.2–0.4 s at the worst.
_MOST_REPEATS = 150
_TOO_LONG = f"Document is longer than {_LONGEST} characters. Parsing aborted."
_TOO_REPETITIVE = f"Document repeats a name more than {_MOST_REPEATS} times. Parsing aborted."


@dataclass(frozen=True)
class Prepared:
    """A document, and the errors that make it unfit to run."""

    document: DocumentNode | None
    syntax_error: GraphQLError | None = None
    errors: tuple[GraphQLError, ...] = ()


def prepare(source: str, explorable: bool) -> Prepared:
    """The document of a source text, checked against the schema."""
    if len(source) > _LONGEST:
        return Prepared(None, syntax_error=GraphQLError(_TOO_LONG))
    if len(source) > _LONGEST_KEPT:
        return _prepare(source, explorable)
    return _kept(source, explorable)


def _prepare(source: str, explorable: bool) -> Prepared:
    try:
        document = parse(source, max_tokens=_MOST_TOKENS)
    except GraphQLError as error:
        return Prepared(None, syntax_error=error)
    if _repeats(document):
        return Prepared(None, syntax_error=GraphQLError(_TOO_REPETITIVE))
    rules = specified_rules
    if not explorable:
        rules = [*specified_rules, NoSchemaIntrospectionCustomRule]
    errors = validate(
        SCHEMA, document, rules, max_errors=_MOST_ERRORS, hide_suggestions=not explorable
    )
    return Prepared(document, errors=tuple(errors))


# Parsing and validating take 1–2 ms, running a small document a tenth of that. Clients send the
# same few documents again and again; strangers can push them out, never make the cache grow.
_kept = lru_cache(maxsize=256)(_prepare)


def _repeats(document: DocumentNode) -> bool:
    """Does it name one thing so often that comparing all those places would take seconds?

    Validation compares every two fields of one response name: the square of their number.
    """
    seen: Counter[str] = Counter()
    pending: list[Any] = [document]
    while pending:
        node = pending.pop()
        match node:
            case FieldNode():
                seen[(node.alias or node.name).value] += 1
            case FragmentSpreadNode():
                seen["..."] += 1
        pending.extend(child for child, _ in _children(node, ""))
    return any(count > _MOST_REPEATS for count in seen.values())


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The operation to run: the named one, or the only one."""
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is not None:
        found = [node for node in found if node.name and node.name.value == name]
    return found[0] if len(found) == 1 else None


def writes(operation: OperationDefinitionNode) -> bool:
    """Is it a mutation?"""
    return operation.operation is OperationType.MUTATION


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> list[str]:
    """Names of the operation's root fields, in order, those of fragments included."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    return list(_fields(operation.selection_set, fragments, set()))


def _fields(
    selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[str]:
    for node in selected.selections:
        match node:
            case FieldNode():
                yield node.name.value
            case InlineFragmentNode():
                yield from _fields(node.selection_set, fragments, seen)
            # A fragment spread twice selects nothing new, so each is entered once.
            case FragmentSpreadNode() if node.name.value not in seen:
                seen.add(node.name.value)
                yield from _fields(fragments[node.name.value].selection_set, fragments, seen)


def input_paths(document: DocumentNode) -> tuple[dict[int, str], dict[str, str]]:
    """Where values stand in operations' inputs: by id of the AST node, and by variable name.

    Paths are those REST reports: argument names, without the ``input`` that holds a body.
    """
    nodes: dict[int, str] = {}
    variables: dict[str, str] = {}
    pending: list[tuple[Any, str]] = [(document, "")]
    while pending:
        node, path = pending.pop()
        nodes[id(node)] = path
        if isinstance(node, VariableNode):
            variables.setdefault(node.name.value, path)
        pending.extend(_children(node, path))
    return nodes, variables


def _children(node: Node, path: str) -> Iterator[tuple[Node, str]]:
    match node:
        case ArgumentNode():
            name = node.name.value
            yield node.value, "" if name == "input" else name
        case ObjectValueNode():
            for field in node.fields:
                yield field.value, joined(path, field.name.value)
        case ListValueNode():
            for place, item in enumerate(node.values):
                yield item, joined(path, str(place))
        case VariableDefinitionNode():
            return
        case _:
            for key in node.keys:
                value = getattr(node, key, None)
                if isinstance(value, Node):
                    yield value, path
                elif isinstance(value, tuple | list):
                    yield from ((item, path) for item in value if isinstance(item, Node))


def joined(path: str, name: str) -> str:
    """A path one step further."""
    return f"{path}.{name}" if path else name
