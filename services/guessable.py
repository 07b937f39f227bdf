"""Passwords that are guessed first: common ones, patterns, and what is made of an email or a name.

A list of 30,000 passwords that people choose comes from the package zxcvbn. Its estimate of
guesses is not used: it takes seconds for a long password.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise

#: The largest number of characters that add little to a common word.
_FEW = 6
#: Digits beside a person's own words are guessed up to this many: a date, a year, a count.
_MOST_DIGITS = 8
#: Words below this length occur in passwords by accident.
_SHORTEST_WORD = 3
_SHORTEST_DOMAIN = 4
#: This many of the list are tried in pairs, and with signs between their letters.
_COMMONEST = 1000
#: A text of this many different signs is a pattern.
_FEW_SIGNS = 3
#: Digits and signs around a word.
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
#: Digits and signs that stand for letters; 1 and ! stand for two.
_LETTERS = str.maketrans("04357@$8", "oaestasb")
_ONES = ("i", "l")
_ROWS = (
    *("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm"),
    *("azertyuiop", "qsdfghjklm", "wxcvbn", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    *("1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"),
    *("qazwsxedcrfvtgbyhnujmikolp", "zaqxswcdevfrbgtnhymjukilop", "q1w2e3r4t5y6u7i8o9p0"),
    *("zaq1xsw2cde3vfr4bgt5nhy6mju7", "1qazxsw23edcvfr45tgbnhy67ujm", "zaq12wsxcde34rfvbgt5"),
)
#: The share of characters that two texts have in common when one resembles the other.
_LIKE = 0.85
#: As much of a walk over the keyboard as counts as one.
_SHORTEST_WALK = 3


def is_common(password: str) -> bool:
    """Is a password one of those that are guessed first?"""
    return any(_is_weak(form) for form in _forms(password))


def resembles(password: str, email: str, username: str) -> bool:
    """Is a password made of the account's email or username, with little beside it?"""
    words = _words_of(email, username)
    return any(_is_made_of(_letters_and_digits(form), words) for form in _forms(password))


def _forms(password: str) -> Iterator[str]:
    """A password in lower case, as it is and backwards, and with letters for the signs."""
    text = unicodedata.normalize("NFKC", password).casefold()
    plain = {text}
    for letter in _ONES:
        plain.add(text.translate(_LETTERS).replace("1", letter).replace("!", letter))
        # Often a number follows the word: `pa55word1`.
        head = text.rstrip("0123456789!?.*#_- ")
        tail = text[len(head) :]
        plain.add(head.translate(_LETTERS).replace("1", letter).replace("!", letter) + tail)
    for form in plain:
        yield form
        yield form[::-1]


def _is_weak(text: str) -> bool:
    """Is a text a common password, a pattern, or one of both with little around it?"""
    squeezed = _letters_and_digits(text)
    if not squeezed:
        return len(set(text)) <= _FEW_SIGNS
    if _is_known(text) or _has_common_core(text) or _is_common_pair(text):
        return True
    # Words with signs between them are common only where the word is very common: `pass-word`.
    return squeezed != text and (
        squeezed.strip("0123456789") in _commonest() or _is_pattern(squeezed)
    )


def _has_common_core(text: str) -> bool:
    """Is a text a common word with a number or signs around it?"""
    core = _AROUND.sub("", text)
    if not core or core == text or not _is_known(core):
        return False
    before, _, after = text.partition(core)
    return all(len(edge) <= _FEW or _is_known(edge) for edge in (before, after))


def _is_common_pair(text: str) -> bool:
    """Is a text two of the commonest words?"""
    common = _commonest()
    return any(text[:place] in common and text[place:] in common for place in range(1, len(text)))


def _is_known(text: str) -> bool:
    """Is a text in the list, or is it a pattern: one sign, a sequence, a walk, a repetition?"""
    return text in _common() or _is_pattern(text)


def _is_pattern(text: str) -> bool:
    if len(set(text)) <= _FEW_SIGNS < len(text):
        return True
    return _is_sequence(text) or _is_walk(text) or _is_repeated(text)


def _is_sequence(text: str) -> bool:
    """Does each character follow the one before, or precede it, as in ``abcdef`` or 98765?"""
    if len(text) < _SHORTEST_WALK:
        return False
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return steps in ({1}, {-1}) or text in "01234567890123456789" or text in "98765432109876543210"


def _is_walk(text: str) -> bool:
    """Is a text made of walks along rows of a keyboard, as in ``qwerasdf``?"""
    rest = text
    while rest:
        length = max((_walked(rest, row) for row in _ROWS), default=0)
        if length < _SHORTEST_WALK:
            return False
        rest = rest[length:]
    return bool(text)


def _walked(text: str, row: str) -> int:
    """How many of a text's first characters lie beside each other in a row, either way."""
    best = 0
    for line in (row, row[::-1]):
        length = 0
        while length < len(text) and text[: length + 1] in line:
            length += 1
        best = max(best, length)
    return best


def _is_repeated(text: str) -> bool:
    """Is a text one common or short word several times?"""
    place = (text + text).find(text, 1)
    if place == len(text):
        return False
    unit = text[:place]
    return place <= 4 or unit in _common() or _is_sequence(unit) or _is_walk(unit)


def _is_made_of(text: str, words: Sequence[str]) -> bool:
    """Is a text one of the words, a part of it, much like it, or words with little beside?"""
    if not text:
        return False
    rest = text
    for word in words:
        if text in word and len(text) >= _FEW:
            return True
        if len(word) >= _FEW and _is_like(text, word):
            return True
        rest = rest.replace(word, "")
    if rest == text:
        return False
    return len(rest) < _FEW - 1 or (rest.isdigit() and len(rest) <= _MOST_DIGITS) or _is_known(rest)


def _is_like(text: str, word: str) -> bool:
    """Do two texts have nearly all characters in common, in the same order?"""
    # The lengths are compared first: comparing long texts takes quadratic time.
    if 2 * min(len(text), len(word)) < _LIKE * (len(text) + len(word)):
        return False
    return SequenceMatcher(None, text, word).ratio() >= _LIKE


def _words_of(email: str, username: str) -> Sequence[str]:
    """The words of an account, the longest first: its email, its parts, and its username."""
    user, _, domain = unicodedata.normalize("NFKC", email).casefold().rpartition("@")
    name = unicodedata.normalize("NFKC", username).casefold()
    words = [f"{user}@{domain}", domain, user, user.partition("+")[0], name]
    parts = [part for text in (user, name) for part in re.split(r"[\W\d_]+", text)]
    words += [part for part in parts if len(part) >= _SHORTEST_WORD]
    words += [part for part in domain.split(".")[:-1] if len(part) >= _SHORTEST_DOMAIN]
    known = {_letters_and_digits(word) for word in words}
    kept = [word for word in known if len(word) >= _SHORTEST_WORD]
    return sorted(kept, key=lambda word: (-len(word), word))


def _letters_and_digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


@cache
def _ranked() -> Sequence[str]:
    # Importing it takes 100 ms, and only a process that takes a new password needs it.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return FREQUENCY_LISTS["passwords"]


@cache
def _common() -> frozenset[str]:
    return frozenset(_ranked())


@cache
def _commonest() -> frozenset[str]:
    return frozenset(_ranked()[:_COMMONEST])
