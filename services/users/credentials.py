"""Fields of inputs that sign somebody in: emails and passwords, those of accounts and new ones."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from services.emails import GONE, LONGEST_EMAIL, canonical
from services.guessable import is_common
from services.operation.inputs import LONGEST_TEXT, clean_line, refuse_controls, wrong
from services.texts import same_password

#: Names around an @ and a dot, which IDNA writes in four ways.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+[.\u3002\uff0e\uff61][^@\s.]+")


def _known_email(value: object) -> object:
    value = clean_line(value)
    if isinstance(value, str) and not _EMAIL.fullmatch(value):
        raise wrong("INVALID_FORMAT", "Give an email address.")
    if isinstance(value, str) and value.lower().endswith(f"@{GONE}"):
        raise wrong("RESERVED", "Give an address that can be mailed to.")
    return value


def _email(value: object) -> object:
    value = _known_email(value)
    if not isinstance(value, str) or len(value) > LONGEST_EMAIL:
        return value
    spelled = canonical(value)
    if spelled is None:
        raise wrong("INVALID_FORMAT", "Give an email address that can be mailed to.")
    return spelled


#: The address of an account that exists. Rows from before may hold addresses that are no longer
#: taken, so it is looked up as it was given; `services.emails.spellings` gives what to look for.
KnownEmail = Annotated[
    str,
    Strict(),
    BeforeValidator(_known_email),
    Field(max_length=LONGEST_EMAIL, json_schema_extra={"x-text": "known-email"}),
]
#: A new address, in its canonical spelling.
Email = Annotated[
    str,
    Strict(),
    BeforeValidator(_email),
    Field(max_length=LONGEST_EMAIL, json_schema_extra={"x-text": "email"}),
]


def _long_enough(value: str) -> str:
    """Count the characters of the normalised spelling, or of the typed one if that is fine."""
    lengths = {len(value)}
    if len(value) <= LONGEST_TEXT:
        lengths.add(len(same_password(value)))
    if max(lengths) < _SHORTEST:
        raise wrong("TOO_SHORT", f"Give {_SHORTEST} or more characters.")
    if min(lengths) > _LONGEST:
        raise wrong("TOO_LONG", f"Give {_LONGEST} or fewer characters.")
    return value


_SHORTEST, _LONGEST = 8, 128
_WITHOUT_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
#: The password of an account, as it was typed: not trimmed, not normalised. Hashes from before are
#: of what was typed then.
Password = Annotated[
    str,
    Strict(),
    BeforeValidator(refuse_controls),
    AfterValidator(_long_enough),
    Field(
        json_schema_extra={
            "minLength": _SHORTEST,
            "maxLength": _LONGEST,
            "pattern": _WITHOUT_CONTROLS,
        }
    ),
]


def _new_password(value: object) -> object:
    value = refuse_controls(value)
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return same_password(value)
    return value


def _uncommon(value: str) -> str:
    if is_common(value):
        raise wrong(TOO_COMMON, "Choose a password that fewer people have.")
    return value


TOO_COMMON = "TOO_COMMON"
#: A password to set: normalised, so that every keyboard writes the same one, and not a common one.
NewPassword = Annotated[
    str,
    Strict(),
    BeforeValidator(_new_password),
    Field(
        min_length=_SHORTEST,
        max_length=_LONGEST,
        json_schema_extra={"pattern": _WITHOUT_CONTROLS},
    ),
    AfterValidator(_uncommon),
]
