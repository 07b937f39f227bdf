"""Mistakes in a document, explained: where each one is, what belongs there, and what was meant.

Hints name fields, arguments and values of the schema. They are left out where the schema is not
to be explored.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    NameNode,
    Node,
    OperationDefinitionNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)
from graphql.pyutils import did_you_mean, suggestion_list

from schema.schema import SCHEMA
from services.errors.base import FieldError
from services.operation.inputs import INVALID_CHOICE, UNKNOWN_FIELD
from services.suggestions import suggestion

_MOST_SUGGESTED = 5
#: The message of a value that is none of the declared ones, where these are not named.
WRONG_CHOICE = "Give one of the declared values."


@dataclass(frozen=True)
class Mistake:
    """A value that does not fit: the bad field, its place in the document, and what is wrong.

    ``hint`` names what would be right, and ``choices`` the values of an enum.
    """

    error: FieldError
    node: Node | None
    text: str
    hint: str = ""
    choices: Sequence[str] = ()


def unknown_name(name: str, known: Collection[str]) -> str:
    """The hint for a name that there is not: the names that may be meant."""
    best = suggestion(name, known)
    found = [best] if best else []
    found += [one for one in suggestion_list(name, known) if one != best]
    return did_you_mean(found[:_MOST_SUGGESTED]).strip()


def wrong_choice(kind: Any, given: object) -> tuple[str, Sequence[str]]:
    """The hint for a value that an enum has not, and the values that it has."""
    choices = list(kind.values)
    hint = f"Give one of {', '.join(choices)}."
    if isinstance(given, str) and given:
        near = [one for one in choices if one.startswith(given.upper())]
        near += [one for one in suggestion_list(given, choices) if one not in near]
        hint += did_you_mean(near[:_MOST_SUGGESTED])
    return hint, choices


def refused_fields(
    fields: Iterable[FieldError], mistakes: Sequence[Mistake], *, hints: bool
) -> list[FieldError]:
    """The bad fields of a refusal, in GraphQL's words: an enum's values differ from REST's."""
    choices = {one.error.field: one.choices for one in mistakes if one.choices}
    return [_worded(one, choices.get(one.field, ()), hints=hints) for one in fields]


def _worded(error: FieldError, choices: Sequence[str], *, hints: bool) -> FieldError:
    message = error.message
    if error.code == INVALID_CHOICE and choices:
        message = f"Give one of {_listed(choices)}." if hints else WRONG_CHOICE
    elif error.code == UNKNOWN_FIELD[0] and not hints:
        message = UNKNOWN_FIELD[1]
    return FieldError(error.field, error.code, message)


def _listed(choices: Sequence[str]) -> str:
    """Values as Pydantic lists them: 'A', 'B' or 'C'."""
    quoted = [f"'{one}'" for one in choices]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def explanation(
    fields: Sequence[FieldError], mistakes: Sequence[Mistake], *, hints: bool
) -> GraphQLError:
    """One error for all bad fields of a refusal, with the place of each, in the document's order.

    It never repeats a value, which may be a secret.
    """
    told = {error.field for error in fields}
    shown = sorted((one for one in mistakes if one.error.field in told), key=_position)
    texts = [f"{one.text} {one.hint}" if one.hint and hints else one.text for one in shown]
    known = {one.error.field for one in shown}
    texts += [f"'{one.field}': {one.message}" for one in fields if one.field not in known]
    nodes = {id(one.node): one.node for one in shown if one.node is not None}
    return GraphQLError(" ".join(dict.fromkeys(texts)), list(nodes.values()) or None)


def _position(mistake: Mistake) -> int:
    return mistake.node.loc.start if mistake.node and mistake.node.loc else 0


def others(errors: Sequence[GraphQLError], mistakes: Sequence[Mistake]) -> list[GraphQLError]:
    """The errors of a document that are not about values: these are told as bad fields."""
    places = {id(one.node) for one in mistakes}
    return [error for error in errors if not _is_told(error, places)]


def _is_told(error: GraphQLError, places: Collection[int]) -> bool:
    node = error.nodes[0] if error.nodes else None
    if isinstance(node, FieldNode):  # At a field, only a missing argument is a mistake of values.
        return id(node) in places and "was not provided" in error.message
    if isinstance(node, VariableDefinitionNode):  # Validation knows no values of variables.
        return False
    # graphql-core makes new nodes, without places, of some values.
    return id(node) in places or (isinstance(node, ValueNode) and node.loc is None)


def fields_of(error: GraphQLError) -> list[FieldError]:
    """The bad fields of a document's error: an unknown name that is selected, or a variable."""
    node = error.nodes[0] if error.nodes else None
    if isinstance(node, FieldNode) and error.message.startswith("Cannot query field"):
        return [FieldError(node.name.value, *UNKNOWN_FIELD)]
    if isinstance(node, VariableNode) and "is not defined" in error.message:
        return [FieldError(node.name.value, "UNDEFINED_VARIABLE", "Declare this variable.")]
    return []


def suggested(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    """A document's error with what may be meant, where graphql-core does not suggest anything."""
    node = error.nodes[0] if error.nodes else None
    known: list[str] = []
    name, mark = "", ""
    match node:
        case VariableNode() if "is not defined" in error.message:
            name, mark = node.name.value, "$"
            known = [
                one.variable.name.value
                for place in error.nodes or ()
                if isinstance(place, OperationDefinitionNode)
                for one in place.variable_definitions or ()
            ]
        case DirectiveNode() if error.message.startswith("Unknown directive"):
            name, mark, known = node.name.value, "@", [one.name for one in SCHEMA.directives]
        case NameNode() if error.message.startswith("Unknown fragment"):
            name = node.value
            known = [
                one.name.value
                for one in document.definitions
                if isinstance(one, FragmentDefinitionNode)
            ]
        case _:
            return error
    near = [f"{mark}{one}" for one in suggestion_list(name, known)][:_MOST_SUGGESTED]
    return GraphQLError(error.message + did_you_mean(near), error.nodes)
