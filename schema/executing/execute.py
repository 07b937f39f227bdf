"""`answer`: checks a GraphQL request as a whole, runs it, and words its errors as ours."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    NullValueNode,
    OperationDefinitionNode,
    VariableNode,
    value_from_ast_untyped,
)

from schema.executing.documents import Documents, Prepared, operation_of
from schema.executing.executable import Executable, root_fields
from schema.executing.limits import beyond
from schema.executing.value_errors import literal_errors
from schema.schema import FIELDS
from services.access.authentication import authenticate
from services.access.callers import Caller
from services.access.tokens import REFRESH_TOKEN
from services.auth.signing_in import session_of
from services.catalogue import BY_NAME
from services.errors.base import FieldError, TandemError
from services.errors.common import (
    Internal,
    MalformedRequest,
    MethodNotAllowed,
    RateLimited,
    Unauthenticated,
    ValidationFailed,
)
from services.operation.context import Request
from services.operation.error_translation import translate_errors
from services.operation.running import refusal_before_input
from services.quota.charging import charge, identify, refuse_spent

#: The operations by root field, and the root fields that ignore a bad token.
_OPERATIONS = {place: BY_NAME[name] for name, place in FIELDS.items()}
_IGNORES_TOKEN = {place for place, op in _OPERATIONS.items() if op.ignores_token}


@dataclass(frozen=True)
class GraphQLRequest:
    """The parameters of a GraphQL request, as the caller sent them."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    #: Sent by GET, which may not write.
    read_only: bool
    idempotency_key: str | None


@dataclass(frozen=True)
class Answer:
    """A GraphQL response, and whether it was refused as a whole (it has no data then)."""

    body: dict[str, Any]
    refused_by: TandemError | None = None


async def answer(documents: Documents, request: Request, asked: GraphQLRequest) -> Answer:
    """Run a document for a caller; a request that cannot run at all is refused as a whole."""
    prepared = documents.kept(asked.query)
    try:
        if prepared is None:
            await _refuse_reading(request, asked)
            prepared = documents.prepare(asked.query)
        operation = documents.executable(prepared, asked.operation_name)
        if operation is None:
            # A document that cannot run is charged too, or a caller could send them without end.
            await charge(request, await _sender(request), 1)
            return await _unreadable(request, asked, prepared)
        key = await _admit(request, asked, operation)
    except TandemError as error:
        return refused(request, error)
    return await perform(request, asked, operation, key)


async def perform(
    request: Request, asked: GraphQLRequest, operation: Executable, key: str | None
) -> Answer:
    """Run an operation that has been admitted."""
    result = await operation.run(request, asked.variables, key)
    if not result.errors:
        return Answer({"data": result.data})
    errors = [_field_error(request, asked, operation, error) for error in result.errors]
    return Answer({"data": result.data, "errors": errors})


async def _sender(request: Request) -> Caller | None:
    """The caller; None for a bad token, which is refused once the document has been read."""
    with suppress(Unauthenticated):
        return await translate_errors(authenticate, request)
    return None


async def _unreadable(request: Request, asked: GraphQLRequest, prepared: Prepared) -> Answer:
    """The refusal of a document that cannot be run."""
    if prepared.too_complex is not None:
        return refused(request, prepared.too_complex)
    if prepared.document is None:
        return refused(request, MalformedRequest(), prepared.errors)
    if not prepared.errors:
        field = FieldError("operationName", "INVALID_CHOICE", "Name one of the operations.")
        return refused(request, ValidationFailed(fields=[field]))
    fields = literal_errors(prepared.document, prepared.errors)
    node = operation_of(prepared.document, asked.operation_name)
    if fields and node is not None:
        roots = root_fields(prepared.document, node)
        if not _ignore_token(roots):
            await translate_errors(authenticate, request)
        if refusal := _refusal(request, asked, node, roots):
            return refused(request, refusal)
    shown = prepared.errors if not fields else ()
    return refused(request, ValidationFailed(fields=fields), shown)


async def _admit(request: Request, asked: GraphQLRequest, operation: Executable) -> str | None:
    """Check the document as a whole, and charge it; the idempotency key of its header."""
    if asked.read_only and operation.writes:
        raise MethodNotAllowed("Send mutations by POST.")
    settings = request.process.settings
    cost = operation.cost(asked.variables, settings)
    if cost > settings.graphql_cost:
        raise beyond("cost", settings.graphql_cost, cost)
    roots = operation.roots
    caller = None if _ignore_token(roots) else await translate_errors(identify, request)
    session_id = await _paying_session(request, asked, operation)
    # One charge covers all fields. A document without operations is a request nevertheless.
    await charge(request, caller, max(1, cost), session_id)
    request.prepaid = True
    key = asked.idempotency_key
    if key is not None and operation.writes and len(roots) > 1:
        message = "One header cannot serve several mutations; give each its idempotencyKey."
        raise ValidationFailed(fields=[FieldError("idempotencyKey", "CONFLICT", message)])
    if fields := operation.variable_errors(asked.variables):
        raise _refusal(request, asked, operation.node, roots) or ValidationFailed(fields=fields)
    return key


async def _refuse_reading(request: Request, asked: GraphQLRequest) -> None:
    """Refuse a new document of a caller without budget: reading it costs more than running most.

    Neighbours may have spent the address's budget. So a session pays for reading the document with
    which it refreshes its tokens.
    """
    try:
        await refuse_spent(request, await _sender(request))
    except RateLimited:
        tokens = {*REFRESH_TOKEN.findall(f"{asked.query} {asked.variables}")}
        session_id = None
        if len(tokens) == 1:
            session_id = await translate_errors(session_of, request, {"refreshToken": tokens.pop()})
        if session_id is None:
            raise
        request.allowance = None
        await charge(request, None, 1, session_id)


async def _paying_session(
    request: Request, asked: GraphQLRequest, operation: Executable
) -> str | None:
    """The session that pays for a document whose only operation names one; else None."""
    op = _OPERATIONS.get(operation.roots[0].name.value) if len(operation.roots) == 1 else None
    if op is None or op.paid_by is None:
        return None
    definitions = operation.node.variable_definitions or ()
    variables = {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in definitions
        if one.default_value is not None
    } | dict(asked.variables)
    [root] = operation.roots
    given = {
        one.name.value: value_from_ast_untyped(one.value, variables) for one in root.arguments or ()
    }
    raw = given.get("input")
    if not isinstance(raw, dict):
        return None
    return await translate_errors(op.paid_by, request, raw)


def _ignore_token(roots: Sequence[FieldNode]) -> bool:
    """Do all root fields ignore a bad token?"""
    return bool(roots) and all(field.name.value in _IGNORES_TOKEN for field in roots)


def _refusal(
    request: Request,
    asked: GraphQLRequest,
    node: OperationDefinitionNode,
    roots: Sequence[FieldNode],
) -> TandemError | None:
    """The error that comes before bad values: the role or the missing key of the first operation.

    graphql-core checks all values before it runs anything. None when one of the operations would
    have reached its input, because then the bad values are the answer.
    """
    refusals = [
        refusal_before_input(op, request.caller, _keyed(asked, node, field))
        if (op := _OPERATIONS.get(field.name.value))
        else None
        for field in roots
    ]
    return refusals[0] if refusals and None not in refusals else None


def _keyed(asked: GraphQLRequest, node: OperationDefinitionNode, field: FieldNode) -> bool:
    """Does a field come with an idempotency key?"""
    if asked.idempotency_key is not None:
        return True
    given = [one.value for one in field.arguments or () if one.name.value == "idempotencyKey"]
    if given and isinstance(given[0], VariableNode):
        name = given[0].name.value
        if name in asked.variables:
            return asked.variables[name] is not None
        definitions = node.variable_definitions or ()
        given = [one.default_value for one in definitions if one.variable.name.value == name]
    return bool(given) and given[0] is not None and not isinstance(given[0], NullValueNode)


def refused(request: Request, error: TandemError, shown: Sequence[GraphQLError] = ()) -> Answer:
    """An answer without data. Errors of the document itself keep their messages and locations."""
    errors = [_shaped(request, error, one) for one in shown] or [_shaped(request, error)]
    return Answer({"errors": errors}, error)


def _field_error(
    request: Request, asked: GraphQLRequest, operation: Executable, error: GraphQLError
) -> dict[str, Any]:
    """The error of one field, as JSON."""
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        # graphql-core refused a value at run time: a null variable for a required argument.
        at = (error.path or [None])[0]
        root = [one for one in operation.roots if (one.alias or one.name).value == at]
        fields = literal_errors(operation.document, (error,))
        refusal = _refusal(request, asked, operation.node, root)
        original = refusal or ValidationFailed(fields=fields)
    elif not isinstance(original, TandemError):
        # Operations and relations raise only TandemError, so this is a fault of the face itself.
        request.fault(original)
        original = Internal()
    shaped = _shaped(request, original)
    shaped["path"] = error.path
    if error.locations:
        shaped["locations"] = [_location(error.locations[0])]
    return shaped


def _shaped(
    request: Request, error: TandemError, source: GraphQLError | None = None
) -> dict[str, Any]:
    """An error as JSON, with the message and locations of ``source`` where there is one."""
    shaped: dict[str, Any] = {"message": source.message if source else error.title}
    if source and source.locations:
        shaped["locations"] = [_location(location) for location in source.locations]
    shaped["extensions"] = {
        "code": error.code,
        "status": error.status,
        "detail": error.detail,
        "fields": error.fields,
        "details": error.details,
        "requestId": request.id,
        "docUrl": f"{request.process.settings.public_url}/errors/{error.code}",
    }
    return shaped


def _location(location: Any) -> dict[str, int]:
    return {"line": location.line, "column": location.column}
