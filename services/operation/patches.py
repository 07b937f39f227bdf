"""Patches: inputs of updates, where an absent field stays as it is and null clears a field.

Both faces pass only the fields that the caller gave. Pydantic's ``model_fields_set`` tells an
absent field from null.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.etags import fingerprint
from services.operation.inputs import Input, metadata_fault, wrong

#: The default of a field that may not be empty; no code reads it.
ABSENT: Any = None


class Patch(Input):
    """Base of the inputs of updates.

    A field that may be empty is declared ``T | None = Field(None)``, and null clears it. A field
    that may not be empty is declared ``T = Field(ABSENT)``, and null is refused.
    """

    @classmethod
    def describe(cls, schema: dict[str, Any]) -> None:
        """Write in the schema that a field has no default, and that one field must be given."""
        super().describe(schema)
        for item in schema["properties"].values():
            item.pop("default", None)
        schema["minProperties"] = 1

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.given:
            raise wrong("REQUIRED", "Give at least one field to change.")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The fields that the caller gave, without the id of the thing to change."""
        return {name: getattr(self, name) for name in self.model_fields_set if name != "id"}

    def plain(self) -> dict[str, Any]:
        """The input as JSON values, where absent and null differ."""
        return self.model_dump(mode="json", exclude_unset=True)


def changes(
    patch: Patch, now: Mapping[str, Any], empty: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The fields of ``now`` that a patch changes, with their new values.

    ``metadata`` is merged. ``empty`` has the values of cleared fields, where these are not null.
    Raises `ValidationFailed` when the merged metadata is too large.
    """
    given = patch.given
    if given.get("metadata") is not None:
        given["metadata"] = _checked(merged(now["metadata"], given["metadata"]))
    for name, value in (empty or {}).items():
        if name in given and given[name] is None:
            given[name] = value
    return {name: value for name, value in given.items() if not _same(value, now[name])}


def _same(new: Any, old: Any) -> bool:
    """Are two values the same in JSON? Python calls 1 and true equal; JSON does not."""
    if isinstance(new, dict):
        return fingerprint(new) == fingerprint(old)
    return bool(new == old)


def merged(old: Any, new: Any) -> Any:
    """``new`` merged into ``old``, as JSON Merge Patch does (RFC 7396).

    Objects merge, null removes an entry, and every other value replaces the old one.
    """
    if not isinstance(new, Mapping):
        return new
    result = dict(old) if isinstance(old, Mapping) else {}
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _checked(metadata: dict[str, Any]) -> dict[str, Any]:
    """The merged metadata; raises `ValidationFailed` when it is too large."""
    fault = metadata_fault(metadata)
    if fault is not None:
        raise ValidationFailed(fields=[FieldError("metadata", *fault)])
    return metadata
