"""Patches: inputs of which what is absent is left, and null clears.

Both faces hand over what the caller gave and nothing else; Pydantic's ``model_fields_set`` then
tells what is absent from what is null.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, model_validator

from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.etags import fingerprint
from services.operation.inputs import Input, metadata_fault, wrong

#: Stands where nothing was given for a field that may not be empty; nobody reads it.
ABSENT: Any = None


def _say(schema: dict[str, Any]) -> None:
    """Absent is not the default, and something must be given."""
    for item in schema["properties"].values():
        item.pop("default", None)
    schema["minProperties"] = 1


class Patch(Input):
    """Base of what updates take.

    A field that may be empty is declared ``T | None = Field(None)``: null clears it. One that may
    not is ``T = Field(ABSENT)``: null is refused.
    """

    model_config = ConfigDict(json_schema_extra=_say)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.given:
            raise wrong("REQUIRED", "Give at least one field to change.")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """What the caller gave, by the names of the fields; not what is to be changed by it."""
        return {name: getattr(self, name) for name in self.model_fields_set if name != "id"}

    def plain(self) -> dict[str, Any]:
        """As JSON values: absent and null are two things."""
        return self.model_dump(mode="json", exclude_unset=True)


def changes(
    patch: Patch, now: Mapping[str, Any], empty: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a patch changes in ``now``, by the names of the fields; what is the same is left out.

    ``metadata`` is merged. ``empty`` has what a field becomes that null clears, where that is not
    null. Raises `ValidationFailed` when the metadata grows beyond what is allowed.
    """
    given = patch.given
    if given.get("metadata") is not None:
        given["metadata"] = _checked(merged(now["metadata"], given["metadata"]))
    for name, value in (empty or {}).items():
        if name in given and given[name] is None:
            given[name] = value
    return {name: value for name, value in given.items() if not _same(value, now[name])}


def _same(new: Any, old: Any) -> bool:
    """Python holds 1 and true for equal; JSON does not."""
    if isinstance(new, dict):
        return fingerprint(new) == fingerprint(old)
    return bool(new == old)


def merged(old: Any, new: Any) -> Any:
    """``new`` laid over ``old``: objects merge, null takes an entry out, all else replaces.

    This is JSON Merge Patch (RFC 7396).
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
    """The merged metadata, unless it has become too much."""
    fault = metadata_fault(metadata)
    if fault is not None:
        raise ValidationFailed(fields=[FieldError("metadata", *fault)])
    return metadata
