"""`Documents`: parses and validates GraphQL documents once, and keeps the last ones."""

from collections import OrderedDict
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.validation import validation_context
from graphql.validation.rules import overlapping_fields_can_be_merged as overlapping
from graphql.validation.validate import ValidationAbortedError

from schema.executing.executable import Executable
from schema.executing.limits import Limits, beyond, shape_error
from schema.executing.walk import strings_in
from schema.schema import SCHEMA
from services.errors.common import QueryTooComplex

_MOST_ERRORS = 20
#: In characters. Longer documents are refused.
_LONGEST = 100_000
#: In characters. Longer documents are not kept. A syntax tree takes 70 times its text, so kept
#: documents take 140 MB at most. Dropped trees take as much again until the collector runs, because
#: they are cycles.
_LONGEST_KEPT = 8_000
#: Parsing and validating take 1-2 ms; running a small document takes a tenth of that. Clients send
#: the same few documents again and again.
_MOST_KEPT = 256
#: The steps of comparing fields of one name and of following fragments grow by the square of a
#: document. This many steps, five for each token, take as long as the linear rules take for the
#: largest document.
MOST_STEPS = 20_000
overlapping.MAX_COMPLEXITY_BUDGET = MOST_STEPS
validation_context.MAX_FRAGMENT_WORK = MOST_STEPS


@dataclass(frozen=True)
class Prepared:
    """A parsed document, and the reasons why it cannot run: errors, or a limit it exceeds."""

    document: DocumentNode | None = None
    errors: tuple[GraphQLError, ...] = ()
    too_complex: QueryTooComplex | None = None
    #: The operations that were asked for so far, by the name asked for.
    executables: dict[str | None, Executable] = field(default_factory=dict)


class Documents:
    """The documents of one process.

    ``executable_type`` is the class that runs their operations. ``explorable`` allows
    introspection.
    """

    def __init__(
        self, limits: Limits, *, explorable: bool, executable_type: type[Executable]
    ) -> None:
        self._limits = limits
        self._explorable = explorable
        self._executable_type = executable_type
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def kept(self, source: str) -> Prepared | None:
        """The document of a source text, if it was prepared before and is still kept."""
        found = self._kept.get(source)
        if found is not None:
            self._kept.move_to_end(source)
        return found

    def prepare(self, source: str, *, kept: bool = True) -> Prepared:
        """Parse a document, check it against the limits and the schema, and keep it if asked to."""
        if len(source) > _LONGEST:
            return Prepared(too_complex=beyond("characters", _LONGEST, len(source)))
        made = _prepare(source, self._limits, explorable=self._explorable)
        if kept and len(source) <= _LONGEST_KEPT:
            self._kept[source] = made
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def executable(self, prepared: Prepared, name: str | None) -> Executable | None:
        """The operation to run: the named one, or the only one; None where there is none.

        It cannot run where the document has errors.
        """
        found = prepared.executables.get(name)
        if found is None and prepared.document is not None:
            node = operation_of(prepared.document, name)
            if node is not None:
                found = prepared.executables[name] = self._executable_type(prepared.document, node)
        return found


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The named operation of a document, or its only one."""
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is not None:
        found = [node for node in found if node.name and node.name.value == name]
    return found[0] if len(found) == 1 else None


def names_in(document: DocumentNode) -> list[str]:
    """The names of a document's operations."""
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return [node.name.value for node in found if node.name]


def _prepare(source: str, limits: Limits, *, explorable: bool) -> Prepared:
    try:
        document = parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    except GraphQLError as error:
        if too_complex := _parsing_aborted(error, limits.tokens):
            return Prepared(too_complex=too_complex)
        # A kept error must not keep the parser's frames alive.
        return Prepared(errors=(error.with_traceback(None),))
    # Only an escape can bring a character that no text of ours may have.
    if "\\u" in source and any("\x00" in text for text in strings_in(document)):
        return Prepared(errors=(GraphQLError("The document holds a NUL character."),))
    # The limits come first, because validation is the most expensive step on a hostile document.
    if too_complex := shape_error(document, limits):
        return Prepared(too_complex=too_complex)
    rules = specified_rules
    if not explorable:
        rules = [*specified_rules, NoSchemaIntrospectionCustomRule]
    errors = validate(
        SCHEMA, document, rules, max_errors=_MOST_ERRORS, hide_suggestions=not explorable
    )
    # Beyond the most errors, an abort means that there are more errors. Before, it means that the
    # steps are spent.
    if any(isinstance(error, ValidationAbortedError) for error in errors[:_MOST_ERRORS]):
        return Prepared(too_complex=beyond("validation", MOST_STEPS))
    return Prepared(document, tuple(errors))


def _parsing_aborted(error: GraphQLError, tokens: int) -> QueryTooComplex | None:
    """The limit at which the parser gave up; graphql-core names it only in the message."""
    if "Parsing aborted" not in error.message:
        return None
    if "nested" in error.message:
        return beyond("nesting", MAX_NESTING_DEPTH)
    return beyond("tokens", tokens)
