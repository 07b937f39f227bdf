"""The base of every error, and the catalogue of them by code.

The wire shapes of errors are written once per dialect, in the faces.
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
    """Base of every error that a caller may be told.

    ``title`` is the same for every occurrence, ``detail`` is about this one. ``hint`` tells the
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
        # A security effect, which the operation's transaction commits although the write failed.
        self.effect = effect

    @property
    def retry_after(self) -> int | None:
        """Seconds after which the call may be sent again; None where waiting does not help."""
        return self.details.get("retryAfterSeconds")

    def __init_subclass__(cls) -> None:
        CATALOGUE[cls.code] = cls


#: Every error class by its code.
CATALOGUE: dict[str, type[TandemError]] = {}


class StoredError(Struct, frozen=True):
    """An error as it is stored under an idempotency key."""

    code: str
    detail: str
    fields: tuple[FieldError, ...]
    details: dict[str, Any]


def stored_error(error: TandemError) -> StoredError:
    """An error in its stored form."""
    return StoredError(error.code, error.detail, error.fields, error.details)


def restored_error(stored: StoredError) -> TandemError:
    """The error of a stored form."""
    return CATALOGUE[stored.code](stored.detail, fields=stored.fields, details=stored.details)
