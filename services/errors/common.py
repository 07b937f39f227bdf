"""Errors that operations of every noun share."""

from services.errors.base import TandemError


class ValidationFailed(TandemError):
    """One or more inputs are wrong."""

    code, status = "VALIDATION_FAILED", 400
    title = "The input is not valid."
    hint = "Correct the fields listed and send the request again."


class MalformedRequest(TandemError):
    """The request could not be read."""

    code, status = "MALFORMED_REQUEST", 400
    title = "The request could not be read."
    hint = "Send well-formed JSON in UTF-8, or a well-formed GraphQL document."


class QueryTooComplex(TandemError):
    """A GraphQL document beyond the limits."""

    code, status = "QUERY_TOO_COMPLEX", 400
    title = "The document is too complex."
    hint = "Ask for less at once: fewer fields, aliases, levels or rows."


class Unauthenticated(TandemError):
    """No token, or one that is not ours."""

    code, status = "UNAUTHENTICATED", 401
    title = "Sign in first."
    hint = "Send a valid access token as Authorization: Bearer."


class TokenExpired(Unauthenticated):
    """The access token is past its time."""

    code = "TOKEN_EXPIRED"
    title = "The access token has expired."
    hint = "Use the refresh token to get a new access token."


class TokenRevoked(Unauthenticated):
    """The session of the access token was ended."""

    code = "TOKEN_REVOKED"
    title = "The session has ended."
    hint = "Sign in again."


class Forbidden(TandemError):
    """Visible, but not for this caller to do."""

    code, status = "FORBIDDEN", 403
    title = "You may not do this."
    hint = "Ask somebody whose role allows it."


class RouteNotFound(TandemError):
    """No such address."""

    code, status = "ROUTE_NOT_FOUND", 404
    title = "There is nothing at this address."
    hint = "See the OpenAPI document for the addresses."


class MethodNotAllowed(TandemError):
    """The address exists, the method does not."""

    code, status = "METHOD_NOT_ALLOWED", 405
    title = "This address does not take that method."
    hint = "Use one of the methods in the Allow header."


class NotAcceptable(TandemError):
    """The answer cannot be given in an accepted media type."""

    code, status = "NOT_ACCEPTABLE", 406
    title = "No accepted media type can be served."
    hint = "Accept application/json."


class PayloadTooLarge(TandemError):
    """The body is larger than allowed."""

    code, status = "PAYLOAD_TOO_LARGE", 413
    title = "The body is too large."
    hint = "Send less at once."


class UnsupportedMediaType(TandemError):
    """The body's media type is not taken."""

    code, status = "UNSUPPORTED_MEDIA_TYPE", 415
    title = "The body's media type is not supported."
    hint = "Send application/json."


class RateLimited(TandemError):
    """The caller's budget is spent."""

    code, status = "RATE_LIMITED", 429
    title = "Too many requests."
    hint = "Wait as long as Retry-After says."


class Internal(TandemError):
    """A fault of ours."""

    code, status = "INTERNAL", 500
    title = "Something went wrong on our side."
    hint = "Try again; if it goes on, tell us the requestId."


class Unavailable(TandemError):
    """Something we need cannot be reached."""

    code, status = "UNAVAILABLE", 503
    title = "The service is not available right now."
    hint = "Try again in a moment, with the same idempotency key."


class Timeout(TandemError):
    """The request took longer than it may."""

    code, status = "TIMEOUT", 504
    title = "The request took too long."
    hint = "Ask for less at once, or try again later."


class IdempotencyKeyRequired(TandemError):
    """The operation demands a key."""

    code, status = "IDEMPOTENCY_KEY_REQUIRED", 400
    title = "This operation needs an idempotency key."
    hint = "Send an Idempotency-Key header (GraphQL: or idempotencyKey), new for every intent."


class IdempotencyKeyReused(TandemError):
    """The key was used with other input."""

    code, status = "IDEMPOTENCY_KEY_REUSED", 422
    title = "This idempotency key was used with other input."
    hint = "Use a new key for a new intent."


class IdempotencyKeyInUse(TandemError):
    """The first call with the key is still running."""

    code, status = "IDEMPOTENCY_KEY_IN_USE", 409
    title = "A call with this idempotency key is still running."
    hint = "Try again in a moment with the same key."


class PreconditionFailed(TandemError):
    """The thing changed since the caller read it."""

    code, status = "PRECONDITION_FAILED", 412
    title = "It changed since you read it."
    hint = "Read it again and decide anew."


#: Errors that any operation may raise without declaring them.
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
        PayloadTooLarge,
        UnsupportedMediaType,
        RateLimited,
        Internal,
        Unavailable,
        Timeout,
    }
)
#: Errors that an operation which takes a key may raise besides.
KEYED = frozenset({IdempotencyKeyRequired, IdempotencyKeyReused, IdempotencyKeyInUse})
