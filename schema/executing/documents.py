"""Documents: parsed and validated once, then kept; and what they say about a request."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.validation import validation_context
from graphql.validation.rules import overlapping_fields_can_be_merged as overlapping
from graphql.validation.validate import ValidationAbortedError

from schema.executing.limits import Limits, beyond, shape_error
from schema.schema import SCHEMA
from services.errors.common import QueryTooComplex

if TYPE_CHECKING:
    from schema.executing.executable import Executable

_MOST_ERRORS = 20
#: In characters. Only documents up to the second are kept: a syntax tree takes 70 times its text,
#: so strangers can make the cache hold 140 MB at the very most, and garbage of as much again: trees
#: are cycles, which go when the collector comes.
_LONGEST = 100_000
_LONGEST_KEPT = 8_000
#: Parsing and validating take 1–2 ms, running a small document a tenth of that. Clients send the
#: same few documents again and again; strangers can push them out, never make them more.
_MOST_KEPT = 256
_kept: "OrderedDict[tuple[str, bool, Limits], Prepared]" = OrderedDict()
#: Comparing fields of one name and following fragments grows by the square of a document. So many
#: steps, five for each of its tokens, take as long as the linear rules on the largest document.
MOST_STEPS = 20_000
overlapping.MAX_COMPLEXITY_BUDGET = MOST_STEPS
validation_context.MAX_FRAGMENT_WORK = MOST_STEPS


@dataclass(frozen=True)
class Prepared:
    """A document, or why there is none, and the errors that make it unfit to run."""

    document: DocumentNode | None = None
    errors: tuple[GraphQLError, ...] = ()
    too_complex: QueryTooComplex | None = None
    #: What was found out about its operations so far, by the name asked for.
    operations: "dict[str | None, Executable]" = field(default_factory=dict)


def prepare(source: str, explorable: bool, limits: Limits) -> Prepared:
    """The document of a source text, checked against the limits and the schema, and kept."""
    if len(source) > _LONGEST:
        return Prepared(too_complex=beyond("characters", _LONGEST, len(source)))
    made = _prepare(source, explorable, limits)
    if len(source) <= _LONGEST_KEPT:
        _kept[source, explorable, limits] = made
        if len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return made


def kept(source: str, explorable: bool, limits: Limits) -> Prepared | None:
    """What was prepared before, if it still is there."""
    found = _kept.get((source, explorable, limits))
    if found is not None:
        _kept.move_to_end((source, explorable, limits))
    return found


def _prepare(source: str, explorable: bool, limits: Limits) -> Prepared:
    most = limits.tokens
    try:
        document = parse(source, max_lexical_tokens=most, max_comments=most)
    except GraphQLError as error:
        if too_complex := _given_up(error, most):
            return Prepared(too_complex=too_complex)
        # What is kept must not keep the parser's frames as well.
        return Prepared(errors=(error.with_traceback(None),))
    # Before validation, which is what a hostile document would have to work hardest.
    if too_complex := shape_error(document, limits):
        return Prepared(too_complex=too_complex)
    rules = specified_rules
    if not explorable:
        rules = [*specified_rules, NoSchemaIntrospectionCustomRule]
    errors = validate(
        SCHEMA, document, rules, max_errors=_MOST_ERRORS, hide_suggestions=not explorable
    )
    # An abort after the most errors says that there are more of them, and nothing of steps.
    if any(isinstance(error, ValidationAbortedError) for error in errors[:_MOST_ERRORS]):
        return Prepared(too_complex=beyond("validation", MOST_STEPS))
    return Prepared(document, tuple(errors))


def _given_up(error: GraphQLError, tokens: int) -> QueryTooComplex | None:
    """The parser says only in words that it gave up for the document's size."""
    if "Parsing aborted" not in error.message:
        return None
    if "nested" in error.message:
        return beyond("nesting", MAX_NESTING_DEPTH)
    return beyond("tokens", tokens)


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The operation to run: the named one, or the only one."""
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is not None:
        found = [node for node in found if node.name and node.name.value == name]
    return found[0] if len(found) == 1 else None


def writes(operation: OperationDefinitionNode) -> bool:
    """Is it a mutation?"""
    return operation.operation is OperationType.MUTATION


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> list[FieldNode]:
    """The operation's root fields but ``__typename``, those of fragments included, in order."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    fields = _fields(operation.selection_set, fragments, set())
    return [field for field in fields if field.name.value != "__typename"]


def _fields(
    selected: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[FieldNode]:
    for node in selected.selections:
        match node:
            case FieldNode():
                yield node
            case InlineFragmentNode():
                yield from _fields(node.selection_set, fragments, seen)
            # A fragment spread twice selects nothing new, so each is entered once.
            case FragmentSpreadNode() if node.name.value in fragments.keys() - seen:
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
