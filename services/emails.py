"""Email addresses: whether one can be mailed to, and the spelling that stands for all others.

An address has one canonical spelling. Its domain is in lower case and in Unicode
(``münchen.example``, not ``xn--mnchen-3ya.example``), and the part before the @ stays as written.
New addresses are stored so. Rows from before may hold another spelling.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

#: The domain of deleted accounts' addresses; no account may take an address there.
GONE = "deleted.invalid"
#: How long an address may be, in characters.
LONGEST_EMAIL = 254


def canonical(text: str) -> str | None:
    """The canonical spelling of an address; None when the text is no address to send mail to."""
    found = _validated(text)
    return None if found is None else found.normalized


def spellings(text: str) -> Sequence[str]:
    """The spellings by which an account is looked up, the given one first: always three.

    They are the text itself, the canonical spelling, and the one with an ASCII domain. Their
    number does not tell whether an account has the address.
    """
    user, at, domain = text.rpartition("@")
    if not at:
        return (text, text, text)
    if _is_plain(domain):
        same = f"{user}@{domain.lower()}"
        return (text, same, same)
    found = _validated(text)
    if found is None:
        return (text, text, text)
    return (text, found.normalized, f"{found.local_part}@{found.ascii_domain}")


def same_spelling(text: str) -> str:
    """The canonical spelling of an address, or the text itself when it is none."""
    return spellings(text)[1]


def has_other_spellings(address: str) -> bool:
    """May an address of a row from before be spelled in another way than a canonical one?"""
    return not _is_plain(address.rpartition("@")[2])


def clashes(accounts: Iterable[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """The emails that several accounts have, with the ids and the spellings of these.

    ``accounts`` are ids and emails as they are stored.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for user_id, email in accounts:
        found.setdefault(same_spelling(email).lower(), []).append((user_id, email))
    return {email: those for email, those in found.items() if len(those) > 1}


def ascii_domain(domain: str) -> str | None:
    """A domain as mail servers know it; None when there is no such domain."""
    if _is_plain(domain):
        return domain
    found = _validated(f"a@{domain}")
    return None if found is None else found.ascii_domain


def _is_plain(domain: str) -> bool:
    """Has a domain one spelling besides its case?"""
    return domain.isascii() and "xn--" not in domain.lower()


def _validated(text: str) -> Any:
    # Importing it takes 100 ms, and most processes need it late or never.
    from email_validator import EmailNotValidError, validate_email

    if len(text) > LONGEST_EMAIL or not _has_one_form(text):
        return None
    try:
        # A test environment is one that may use the domain `test`.
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return None
    return found if "." in found.domain else None


def _has_one_form(text: str) -> bool:
    """Is the part before the @ free of letters that look like others, such as wide ones?"""
    user = text.rpartition("@")[0]
    return unicodedata.is_normalized("NFKC", unicodedata.normalize("NFC", user))
