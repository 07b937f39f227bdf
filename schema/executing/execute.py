"""`answer`: checks a GraphQL request as a whole, runs it, and words its errors as ours."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from graphql import ExecutionResult, FieldNode, GraphQLError

from schema.executing.documents import Documents, Prepared, names_in
from schema.executing.executable import Executable
from schema.executing.limits import beyond
from schema.executing.mistakes import (
    explanation,
    fields_of,
    others,
    refused_fields,
    suggested,
)
from schema.executing.value_errors import OPERATIONS, BadCall, bad_calls, root_values
from services.access.authentication import authenticate
from services.access.callers import Caller
from services.access.tokens import REFRESH_TOKEN
from services.auth.signing_in import session_of
from services.cache.persisted_queries import sha256
from services.errors.base import FieldError, TandemError
from services.errors.common import (
    Internal,
    MalformedRequest,
    MethodNotAllowed,
    NotAcceptable,
    PersistedQueryNotFound,
    RateLimited,
    Unauthenticated,
    ValidationFailed,
)
from services.operation.context import Request
from services.operation.error_translation import translate_errors
from services.operation.running import refuse
from services.quota.charging import charge, identify, spent_budget

#: The path of a persisted query's hash in a request.
SHA256 = "extensions.persistedQuery.sha256Hash"
#: The root fields that ignore a bad token.
_IGNORES_TOKEN = {place for place, op in OPERATIONS.items() if op.ignores_token}
#: In characters: the longest document that is read for a caller without budget, in some 8 ms.
_LONGEST_UNPAID = 1_000
_STREAM = "A subscription is a stream: send `Accept: text/event-stream`, or use the WebSocket."
_ANSWER = "Send queries and mutations by HTTP, with `Accept: application/json`."


@dataclass(frozen=True)
class GraphQLRequest:
    """The parameters of a GraphQL request, as the caller sent them.

    ``query`` is empty where the caller sent only the ``sha256`` of the document.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    #: Sent by GET, which may not write.
    read_only: bool
    idempotency_key: str | None
    #: The hash of a persisted query.
    sha256: str | None = None
    #: Whether the caller takes one answer, and whether they take a stream of answers.
    answers: bool = True
    streams: bool = False


class Admitted(NamedTuple):
    """A request that may run: as it was asked, its operation, and its idempotency key."""

    asked: GraphQLRequest
    operation: Executable
    key: str | None


@dataclass(frozen=True)
class Answer:
    """A GraphQL response, and whether it was refused as a whole (it has no data then).

    ``retry_after`` are the seconds after which fields that could not be answered now may be asked
    for again; None where waiting does not help.
    """

    body: dict[str, Any]
    refused_by: TandemError | None = None
    retry_after: int | None = None


async def answer(documents: Documents, request: Request, asked: GraphQLRequest) -> Answer:
    """Run a document for a caller; a request that cannot run at all is refused as a whole."""
    found = await admit(documents, request, asked)
    return found if isinstance(found, Answer) else await perform(request, *found)


async def admit(documents: Documents, request: Request, asked: GraphQLRequest) -> Admitted | Answer:
    """Check a request as a whole and charge it; an answer where it is refused."""
    try:
        if asked.sha256 is not None:
            asked = await _with_document(request, asked, asked.sha256)
        prepared = documents.kept(asked.query) or await _read(documents, request, asked)
        operation = documents.executable(prepared, asked.operation_name)
        bad: Sequence[BadCall] = ()
        fits = not prepared.errors and operation is not None and operation.takes(asked.variables)
        if operation is not None and not fits:
            bad = bad_calls(operation.document, operation.node, asked.variables)
        if operation is None or (prepared.errors and not bad):
            # A document that cannot run is charged too, or a caller could send them without end.
            await charge(request, await _sender(request), 1)
            return _unreadable(request, prepared)
        key = await _admit(request, asked, operation)
        if not fits:
            return await _refuse(request, asked, operation, prepared, bad)
        if asked.sha256 is not None:
            await request.process.persisted_queries.keep(asked.sha256, asked.query)
    except PersistedQueryNotFound as error:
        # Some clients know this error by its message alone.
        return refused(request, error, [GraphQLError("PersistedQueryNotFound")])
    except TandemError as error:
        return refused(request, error)
    return Admitted(asked, operation, key)


async def _with_document(request: Request, asked: GraphQLRequest, sha: str) -> GraphQLRequest:
    """The request with the document that its hash names."""
    if asked.query:
        if sha256(asked.query) != sha:
            message = "Give the SHA-256 of the document, as hex digits."
            raise ValidationFailed(fields=[FieldError(SHA256, "CONFLICT", message)])
        return asked
    document = await request.process.persisted_queries.find(sha)
    if document is None:
        await charge(request, await _sender(request), 1)
        raise PersistedQueryNotFound
    return replace(asked, query=document)


async def perform(
    request: Request, asked: GraphQLRequest, operation: Executable, key: str | None
) -> Answer:
    """Run an operation that has been admitted."""
    return await told(request, asked, operation, await operation.run(request, asked.variables, key))


async def told(
    request: Request, asked: GraphQLRequest, operation: Executable, result: ExecutionResult
) -> Answer:
    """A result with its errors as ours."""
    if not result.errors:
        return Answer({"data": result.data})
    found = [await _field_error(request, asked, operation, error) for error in result.errors]
    waits = [one.retry_after for one in found if one.retry_after is not None]
    errors = [
        _placed(_shaped(request, one), error)
        for one, error in zip(found, result.errors, strict=True)
    ]
    return Answer({"data": result.data, "errors": errors}, retry_after=max(waits, default=None))


async def _read(documents: Documents, request: Request, asked: GraphQLRequest) -> Prepared:
    """A new document; raises `RateLimited` where the caller has no budget to have it read.

    Reading a document costs more than running most. A short one is read nevertheless, because only
    then is it known how long the caller has to wait for it. It is not kept, so that callers without
    budget cannot displace other callers' documents.

    Neighbours may have spent the address's budget. So a session pays for reading the document with
    which it refreshes its tokens.
    """
    source = asked.query
    spent = await spent_budget(request, await _sender(request))
    if spent is None:
        return documents.prepare(source)
    session_id = await _refreshing_session(request, asked)
    if session_id is not None:
        request.allowance = None
        await charge(request, None, 1, session_id)
        return documents.prepare(source)
    if len(source) > _LONGEST_UNPAID:
        raise spent
    return documents.prepare(source, kept=False)


async def _sender(request: Request) -> Caller | None:
    """The caller; None for a bad token, which is refused once the document has been read."""
    with suppress(Unauthenticated):
        return await translate_errors(authenticate, request)
    return None


def _unreadable(request: Request, prepared: Prepared) -> Answer:
    """The refusal of a document that cannot be run, whatever the values in it."""
    if prepared.too_complex is not None:
        return refused(request, prepared.too_complex)
    if prepared.document is None:
        return refused(request, MalformedRequest(), prepared.errors)
    if not prepared.errors:
        names = ", ".join(names_in(prepared.document))
        message = f"Name one of the operations: {names}." if names else "Send an operation."
        field = FieldError("operationName", "INVALID_CHOICE", message)
        return refused(request, ValidationFailed(fields=[field]))
    errors = _document_errors(request, prepared, prepared.errors)
    return Answer({"errors": errors}, ValidationFailed())


async def _admit(request: Request, asked: GraphQLRequest, operation: Executable) -> str | None:
    """Check the document as a whole, and charge it; the idempotency key of its header."""
    if asked.read_only and operation.writes:
        raise MethodNotAllowed("Send mutations by POST.")
    if operation.subscribes and not asked.streams:
        raise NotAcceptable(_STREAM)
    if not operation.subscribes and not asked.answers:
        raise NotAcceptable(_ANSWER)
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
    return key


async def _paying_session(
    request: Request, asked: GraphQLRequest, operation: Executable
) -> str | None:
    """The session that pays for a document whose only operation names one; else None."""
    op = OPERATIONS.get(operation.roots[0].name.value) if len(operation.roots) == 1 else None
    if op is None or op.paid_by is None:
        return None
    raw = root_values(operation.node, operation.roots[0], asked.variables)
    return await translate_errors(op.paid_by, request, raw)


async def _refreshing_session(request: Request, asked: GraphQLRequest) -> str | None:
    """The session of the one refresh token in an unread document and its variables, or None."""
    tokens = {*REFRESH_TOKEN.findall(f"{asked.query} {asked.variables}")}
    if len(tokens) != 1:
        return None
    return await translate_errors(session_of, request, {"refreshToken": tokens.pop()})


def _ignore_token(roots: Sequence[FieldNode]) -> bool:
    """Do all root fields ignore a bad token?"""
    return bool(roots) and all(field.name.value in _IGNORES_TOKEN for field in roots)


async def _refuse(
    request: Request,
    asked: GraphQLRequest,
    operation: Executable,
    prepared: Prepared,
    bad: Sequence[BadCall],
) -> Answer:
    """The refusal of an operation with values that do not fit, with all mistakes of its document.

    One error tells all bad fields, as one error of REST does. Each other mistake is an error.
    """
    error = await _refusal(request, asked, bad)
    mistakes = [one for call in bad for one in call.mistakes]
    hints = request.process.settings.explorable
    if error is None:
        mistakes = operation.variable_mistakes(asked.variables)
        faults = [one.error for one in mistakes]
        error = ValidationFailed(fields=refused_fields(faults, mistakes, hints=hints))
    if not isinstance(error, ValidationFailed):
        return refused(request, error)
    explained = [_shaped(request, error, explanation(error.fields, mistakes, hints=hints))]
    explained += _document_errors(request, prepared, others(prepared.errors, mistakes))
    return Answer({"errors": explained}, error)


def _document_errors(
    request: Request, prepared: Prepared, errors: Sequence[GraphQLError]
) -> list[dict[str, Any]]:
    """Errors of a document, with what may be meant."""
    if request.process.settings.explorable and prepared.document is not None:
        errors = [suggested(one, prepared.document) for one in errors]
    return [_shaped(request, ValidationFailed(fields=fields_of(one)), one) for one in errors]


async def _refusal(
    request: Request, asked: GraphQLRequest, bad: Sequence[BadCall]
) -> TandemError | None:
    """The error of calls whose values do not fit; None where there are none.

    The bad fields of all calls that reach their input are told together. Where none does, the
    first call's error is told, such as a missing permission.
    """
    fields: list[FieldError] = []
    first: TandemError | None = None
    hints = request.process.settings.explorable
    for call in bad:
        error = await _refused_call(request, asked, call)
        if isinstance(error, RateLimited):
            return error
        if isinstance(error, ValidationFailed):
            told = refused_fields(error.fields, call.mistakes, hints=hints)
            fields += [one for one in told if one not in fields]
        first = first or error
    return ValidationFailed(fields=fields) if fields else first


async def _refused_call(request: Request, asked: GraphQLRequest, call: BadCall) -> TandemError:
    """The error of a call whose values do not fit, as its operation tells it."""
    if call.operation is None:
        return ValidationFailed(fields=call.faults)
    key = call.key if asked.idempotency_key is None else asked.idempotency_key
    try:
        await refuse(call.operation, request, call.raw, call.faults, key=key)
    except TandemError as error:
        return error


def refused(request: Request, error: TandemError, shown: Sequence[GraphQLError] = ()) -> Answer:
    """An answer without data. Errors of the document itself keep their messages and locations."""
    errors = [_shaped(request, error, one) for one in shown] or [_shaped(request, error)]
    return Answer({"errors": errors}, error, error.retry_after)


async def _field_error(
    request: Request, asked: GraphQLRequest, operation: Executable, error: GraphQLError
) -> TandemError:
    """The error of one field."""
    original = error.original_error
    if isinstance(original, TandemError):
        return original
    if original is None or isinstance(original, GraphQLError):
        # graphql-core refused a value at run time: a null variable for a required argument.
        at = error.path[-1] if error.path else None
        calls = bad_calls(operation.document, operation.node, asked.variables)
        refusal = await _refusal(request, asked, [one for one in calls if one.response_key == at])
        if refusal is not None:
            return refusal
        if error.nodes and not isinstance(error.nodes[0], FieldNode):
            # The value of an argument, such as that of a directive: the caller gave it.
            return ValidationFailed()
    # Operations and relations raise only TandemError, so this is a fault of the face itself:
    # a value that cannot be shown, such as an enum value that a newer release wrote.
    request.failed(original or error)
    return Internal()


def _placed(shaped: dict[str, Any], error: GraphQLError) -> dict[str, Any]:
    """The JSON of a field's error, with the field's path and location."""
    shaped["path"] = error.path
    if error.locations:
        shaped["locations"] = [_location(error.locations[0])]
    return shaped


def _shaped(
    request: Request, error: TandemError, source: GraphQLError | None = None
) -> dict[str, Any]:
    """An error of the answer as JSON; the request's line in the log tells it."""
    request.told(error)
    return error_json(request, error, source)


def error_json(
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
