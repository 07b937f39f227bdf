"""Sort keys: texts whose bytes sort as people sort the texts they are made of."""

from services.search.folding import without_accents, without_case

#: The letters of a key that count. An index row holds 2,700 bytes, and a letter takes up to four.
_COUNTED = 200
#: Sorts before every letter that a text may have.
_LEVEL = "\x01"


def sort_key(text: str) -> str:
    """The key of a text: its letters without case and accents, and then its accents.

    É stands beside E, and after it. The key of a text in ASCII is the text in small letters, as
    PostgreSQL makes it for rows without a key.
    """
    accented = " ".join(without_case(text).split())
    letters = without_accents(accented)
    if letters == accented:
        return letters[:_COUNTED]
    return f"{letters[:_COUNTED]}{_LEVEL}{accented[:_COUNTED]}"
