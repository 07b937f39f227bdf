"""The error catalogue: what can go wrong, for every face.

TandemError
├── common to all operations
│   ├── ValidationFailed 400        one or more inputs are wrong; ``fields`` lists them all
│   ├── MalformedRequest 400        the request could not be read
│   ├── QueryTooComplex 400         a GraphQL document beyond the limits
│   ├── Unauthenticated 401         no token, or one that is not ours
│   │   ├── TokenExpired 401
│   │   └── TokenRevoked 401
│   ├── Forbidden 403               visible, but not for this caller to do
│   ├── RouteNotFound 404 · MethodNotAllowed 405 · NotAcceptable 406
│   ├── PayloadTooLarge 413 · UnsupportedMediaType 415
│   ├── RateLimited 429
│   └── Internal 500 · Unavailable 503 · Timeout 504
├── of keyed and conditional writes
│   ├── IdempotencyKeyRequired 400 · IdempotencyKeyReused 422 · IdempotencyKeyInUse 409
│   └── PreconditionFailed 412
└── the operations' own
    ├── EmailTaken 409 · UsernameTaken 409
    ├── InvalidCredentials 401 · AccountDisabled 403
    ├── UserNotFound 404 · LastAdmin 422 · AccountNotEmpty 422
    ├── RefreshTokenInvalid 401 · RefreshTokenUsed 409 · TokenInvalid 422
    ├── SessionNotFound 404 · ApiKeyNotFound 404
    ├── CategoryNotFound 404 · ProductNotFound 404 · OrderNotFound 404
    ├── DepositNotFound 404 · PaymentNotFound 404
    ├── OutOfStock 422 · InsufficientFunds 402 · OrderStatusInvalid 422
    ├── of categories and products: errors_products.py
    ├── of invoices: errors_invoices.py
    ├── of coupons: errors_coupons.py
    ├── of approvals: errors_approvals.py
    ├── of refunds: errors_refunds.py
    ├── of jobs: errors_jobs.py
    └── of the payment provider: errors_provider.py

The wire shapes of these are written once per dialect, in the faces.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct


class FieldError(Struct, frozen=True):
    """One bad input."""

    field: Annotated[
        str, Meta(description="Where it is: a name, or a path such as lines.0.quantity.")
    ]
    code: Annotated[str, Meta(description="What is wrong with it.")]
    message: Annotated[str, Meta(description="What to do about it.")]


class TandemError(Exception):
    """Base of every error a caller may be told.

    ``title`` is the same for every occurrence; ``detail`` speaks of this one. ``hint`` tells the
    reader of the catalogue what to do.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    hint: ClassVar[str]

    def __init__(
        self,
        detail: str | None = None,
        *,
        fields: Sequence[FieldError] = (),
        details: dict[str, Any] | None = None,
        effect: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(self.code)
        self.detail = detail or self.title
        self.fields = tuple(fields)
        self.details = details or {}
        # What must be done although the operation failed, in its transaction.
        self.effect = effect

    def __init_subclass__(cls) -> None:
        CATALOGUE[cls.code] = cls


CATALOGUE: dict[str, type[TandemError]] = {}


class StoredError(Struct, frozen=True):
    """An error as an idempotency key keeps it."""

    code: str
    detail: str
    fields: tuple[FieldError, ...]
    details: dict[str, Any]


def stored(error: TandemError) -> StoredError:
    """What is kept of an error under an idempotency key."""
    return StoredError(error.code, error.detail, error.fields, error.details)


def restored(kept: StoredError) -> TandemError:
    """The error that was kept."""
    return CATALOGUE[kept.code](kept.detail, fields=kept.fields, details=kept.details)


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


class EmailTaken(TandemError):
    """Another account has this email."""

    code, status = "EMAIL_TAKEN", 409
    title = "This email has an account already."
    hint = "Sign in, or use another email."


class UsernameTaken(TandemError):
    """Another account has this username."""

    code, status = "USERNAME_TAKEN", 409
    title = "This username is taken."
    hint = "Choose another username."


class InvalidCredentials(TandemError):
    """Unknown account or wrong password; which of them is not told."""

    code, status = "INVALID_CREDENTIALS", 401
    title = "Email or password is wrong."
    hint = "Check both and try again."


class AccountDisabled(TandemError):
    """The account was closed by an admin."""

    code, status = "ACCOUNT_DISABLED", 403
    title = "This account is disabled."
    hint = "Ask an admin."


class UserNotFound(TandemError):
    """No such user, or the account was deleted."""

    code, status = "USER_NOT_FOUND", 404
    title = "There is no such user."
    hint = "Check the id; the account may have been deleted."


class LastAdmin(TandemError):
    """Nobody would be left to administer."""

    code, status = "LAST_ADMIN", 422
    title = "This is the last admin."
    hint = "Make somebody else an admin first."


class AccountNotEmpty(TandemError):
    """There is money in the account, or an order that goes on."""

    code, status = "ACCOUNT_NOT_EMPTY", 422
    title = "The account still has money or open orders."
    hint = "Spend the money, and cancel or wait for the orders; details say what is left."


class RefreshTokenInvalid(TandemError):
    """The refresh token is unknown, spent, expired or revoked."""

    code, status = "REFRESH_TOKEN_INVALID", 401
    title = "The refresh token is not valid."
    hint = "Sign in again."


class RefreshTokenUsed(TandemError):
    """The refresh token was spent a moment ago, by the client itself."""

    code, status = "REFRESH_TOKEN_USED", 409
    title = "The refresh token was used a moment ago."
    hint = "Use the tokens that the other call got."


class TokenInvalid(TandemError):
    """The mailed token is unknown, expired, spent or void."""

    code, status = "TOKEN_INVALID", 422
    title = "The token is not valid, or not any more."
    hint = "Ask for another mail and use the token in it, once and in time."


class SessionNotFound(TandemError):
    """No such session, or not the caller's, or ended."""

    code, status = "SESSION_NOT_FOUND", 404
    title = "There is no such session."
    hint = "Check the id; the session may have ended."


class ApiKeyNotFound(TandemError):
    """No such API key, or not the caller's, or revoked."""

    code, status = "API_KEY_NOT_FOUND", 404
    title = "There is no such API key."
    hint = "Check the id; the key may have been revoked."


class CategoryNotFound(TandemError):
    """No such category, or not for this caller's eyes."""

    code, status = "CATEGORY_NOT_FOUND", 404
    title = "There is no such category."
    hint = "Check the id."


class ProductNotFound(TandemError):
    """No such product, or not for this caller's eyes."""

    code, status = "PRODUCT_NOT_FOUND", 404
    title = "There is no such product."
    hint = "Check the id; the product may no longer be sold."


class OrderNotFound(TandemError):
    """No such order, or not for this caller's eyes."""

    code, status = "ORDER_NOT_FOUND", 404
    title = "There is no such order."
    hint = "Check the id."


class DepositNotFound(TandemError):
    """No such deposit, or not for this caller's eyes."""

    code, status = "DEPOSIT_NOT_FOUND", 404
    title = "There is no such deposit."
    hint = "Check the id."


class PaymentNotFound(TandemError):
    """No such payment, or not for this caller's eyes."""

    code, status = "PAYMENT_NOT_FOUND", 404
    title = "There is no such payment."
    hint = "Check the id."


class OutOfStock(TandemError):
    """Fewer pieces are left than are wanted."""

    code, status = "OUT_OF_STOCK", 422
    title = "There is not enough stock."
    hint = "Ask for fewer pieces; the fields say which."


class InsufficientFunds(TandemError):
    """The wallet holds less than is to be paid."""

    code, status = "INSUFFICIENT_FUNDS", 402
    title = "The wallet does not hold enough."
    hint = "Make a deposit first; details say how much is missing."


class OrderStatusInvalid(TandemError):
    """The order's status does not allow this."""

    code, status = "ORDER_STATUS_INVALID", 422
    title = "The order's status does not allow this."
    hint = "See nextStatuses for where the order may go."


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
