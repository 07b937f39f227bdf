"""Errors that operations of every noun share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from services.errors.base import TandemError

#: When a caller should send a request again that could not be answered.
RETRY_SECONDS = 1
_NO_DETAILS: Mapping[str, Any] = MappingProxyType({})


class ValidationFailed(TandemError):
    code, status = "VALIDATION_FAILED", 400
    title = "The input is not valid."
    hint = "Correct the listed fields and send the request again."


class MalformedRequest(TandemError):
    code, status = "MALFORMED_REQUEST", 400
    title = "The request could not be read."
    hint = "Send well-formed JSON in UTF-8, or a well-formed GraphQL document."


class QueryTooComplex(TandemError):
    """A GraphQL document is beyond one of the limits."""

    code, status = "QUERY_TOO_COMPLEX", 400
    title = "The document is too complex."
    hint = "Ask for less in one document: fewer fields, aliases, levels or rows."


class PersistedQueryNotFound(TandemError):
    """A GraphQL request names its document by a hash that is not known, or no longer."""

    code, status = "PERSISTED_QUERY_NOT_FOUND", 404
    title = "The document of this hash is not known."
    hint = "Send the whole document beside its hash once; then the hash alone is enough."


class Unauthenticated(TandemError):
    """There is no token, or it is not one of ours."""

    code, status = "UNAUTHENTICATED", 401
    title = "Sign in first."
    hint = (
        "Send a valid access token (`auth.login` answers one) or API key in "
        "`Authorization: Bearer`."
    )


class TokenExpired(Unauthenticated):
    code = "TOKEN_EXPIRED"
    title = "The access token has expired."
    hint = "Get a new access token with the refresh token, or make a new API key."


class TokenRevoked(Unauthenticated):
    """The session of the access token has ended, or the API key was revoked."""

    code = "TOKEN_REVOKED"
    title = "The session has ended."
    hint = "Sign in again."


class Forbidden(TandemError):
    """The caller may see the thing, but may not do this to it."""

    code, status = "FORBIDDEN", 403
    title = "You may not do this."
    hint = "Ask somebody whose role allows this."


class RouteNotFound(TandemError):
    code, status = "ROUTE_NOT_FOUND", 404
    title = "There is nothing at this address."
    hint = "Use one of the addresses in the OpenAPI document."


class MethodNotAllowed(TandemError):
    code, status = "METHOD_NOT_ALLOWED", 405
    title = "This address does not take that method."
    hint = "Use one of the methods in the `Allow` header."


class NotAcceptable(TandemError):
    code, status = "NOT_ACCEPTABLE", 406
    title = "No accepted media type can be served."
    hint = "Send `Accept: application/json`; for an event stream `Accept: text/event-stream`."


class RequestTimeout(TandemError):
    """The body of the request did not arrive in time."""

    code, status = "REQUEST_TIMEOUT", 408
    title = "The request took too long to arrive."
    hint = "Send the whole body at once, over a faster connection."


class PayloadTooLarge(TandemError):
    code, status = "PAYLOAD_TOO_LARGE", 413
    title = "The body is too large."
    hint = "Send a smaller body; details.maxBytes has the limit."


class UnsupportedMediaType(TandemError):
    code, status = "UNSUPPORTED_MEDIA_TYPE", 415
    title = "The body's media type is not supported."
    hint = "Send `Content-Type: application/json`."


class RequestHeadersTooLarge(TandemError):
    code, status = "REQUEST_HEADERS_TOO_LARGE", 431
    title = "The request's headers are too large."
    hint = "Send at most 100 header fields, 8 KiB in a line and 32 KiB in all."


class RateLimited(TandemError):
    """The budget of the caller or the address is spent."""

    code, status = "RATE_LIMITED", 429
    title = "Too many requests."
    hint = "Wait as many seconds as `Retry-After` says."


class Internal(TandemError):
    """A fault of Tandem's own."""

    code, status = "INTERNAL", 500
    title = "Something went wrong on our side."
    hint = "Send the request again. If that fails too, tell us the requestId."


class Unavailable(TandemError):
    """PostgreSQL or something else that the operation needs cannot be reached."""

    code, status = "UNAVAILABLE", 503
    title = "The service is not available right now."
    hint = "Send the request again in a moment, with the same `Idempotency-Key`."

    def __init__(
        self, detail: str | None = None, *, details: Mapping[str, Any] = _NO_DETAILS, **more: Any
    ) -> None:
        super().__init__(detail, details={"retryAfterSeconds": RETRY_SECONDS, **details}, **more)


class Timeout(TandemError):
    code, status = "TIMEOUT", 504
    title = "The request took too long."
    hint = "Ask for less at once, or send the request again later."


class IdempotencyKeyRequired(TandemError):
    code, status = "IDEMPOTENCY_KEY_REQUIRED", 400
    title = "This operation needs an idempotency key."
    hint = "Send `Idempotency-Key` (GraphQL: or `idempotencyKey`), new for every intent."


class IdempotencyKeyReused(TandemError):
    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    title = "This idempotency key was used with other input."
    hint = "Send a new `Idempotency-Key` with other input."


class IdempotencyKeyInUse(TandemError):
    code, status = "IDEMPOTENCY_KEY_IN_USE", 409
    title = "A call with this idempotency key is still running."
    hint = "Send the request again in a moment, with the same `Idempotency-Key`."


class PreconditionFailed(TandemError):
    """The thing has another version than ``ifMatch`` names."""

    code, status = "PRECONDITION_FAILED", 412
    title = "It changed since you read it."
    hint = "Read it again, and send the new tag in `If-Match` (GraphQL: `ifMatch`)."


#: Every operation may raise these without declaring them.
COMMON = frozenset(
    {
        ValidationFailed,
        MalformedRequest,
        QueryTooComplex,
        Unauthenticated,
        TokenExpired,
        TokenRevoked,
        Forbidden,
        RouteNotFound,
        MethodNotAllowed,
        NotAcceptable,
        RequestTimeout,
        PayloadTooLarge,
        UnsupportedMediaType,
        RequestHeadersTooLarge,
        RateLimited,
        Internal,
        Unavailable,
        Timeout,
    }
)
#: An operation that takes an idempotency key may raise these as well.
KEYED = frozenset({IdempotencyKeyRequired, IdempotencyKeyReused, IdempotencyKeyInUse})
