"""The words of texts and of searches, held by pairs of both."""

import pytest

from services.search.columns import search_values
from services.search.queries import read_search
from services.search.sort_keys import sort_key
from services.search.words import LONGEST, search_vector
from tests.search.pairs import FOUND, MISSED
from tests.shop import Shop, unique

_MATCHES = "SELECT $1::tsvector @@ $2::tsquery"


async def finds(shop: Shop, text: str, typed: str) -> bool:
    return await shop.value(_MATCHES, search_vector([("A", [text])]), read_search(typed).words)


@pytest.mark.parametrize("language", FOUND)
async def test_a_text_is_found(shop: Shop, language: str) -> None:
    missed = [pair for pair in FOUND[language] if not await finds(shop, *pair)]
    assert missed == []


async def test_a_text_is_not_found_by_other_words(shop: Shop) -> None:
    assert [pair for pair in MISSED if await finds(shop, *pair)] == []


async def test_what_postgresql_finds_in_english_is_still_found(shop: Shop) -> None:
    pairs = [*MISSED, *(pair for some in FOUND.values() for pair in some)]
    texts, searches = ([*dict.fromkeys(each)] for each in zip(*pairs, strict=True))
    lost = await shop.rows(
        """
        SELECT text, typed
        FROM unnest($1::text[], $2::text[]) AS texts(text, words),
            unnest($3::text[], $4::text[]) AS searches(typed, query)
        WHERE to_tsvector('english', text) @@ websearch_to_tsquery('english', typed)
            AND NOT words::tsvector @@ query::tsquery
        """,
        texts,
        [search_vector([("A", [text])]) for text in texts],
        searches,
        [read_search(typed).words for typed in searches],
    )
    # Accents count no longer, also in what is excluded.
    assert {row["typed"] for row in lost} <= {"lamp -creme"}


async def test_a_long_text_is_stored_and_found_in_what_counts_of_it(shop: Shop) -> None:
    # Every character of the plane once and again, so that pairs come at one place only.
    letters = [chr(0x4E00 + number * 7919 % 20_902) for number in range(100_000)]
    text = "".join(letters)
    vector = search_vector([("A", ["Long"]), ("C", [text])])

    async def found(start: int, end: int) -> bool:
        return await shop.value(_MATCHES, vector, read_search(text[start:end]).words)

    for start in (0, 9_000, 16_000, 16_390, LONGEST - 8):
        for size in (1, 2, 3, 8):
            assert await found(start, start + size), (start, size)
    swapped = text[101] + text[100]
    assert not await shop.value(_MATCHES, vector, read_search(swapped).words)
    assert not await found(LONGEST + 890, LONGEST + 892)


@pytest.mark.parametrize(
    "text",
    ["x" * 100_000, "a-" * 50_000, "ab1" * 40_000, "\u0301" * 5_000, "的" * 100_000, "ﷺ" * 20_000],
    ids=["word", "hyphens", "parts", "accents", "repeated", "expanding"],
)
async def test_any_long_text_can_be_stored(shop: Shop, text: str) -> None:
    assert await shop.value("SELECT $1::tsvector IS NOT NULL", search_vector([("C", [text])]))
    assert len(sort_key(text).encode()) < 2_000


async def test_any_search_is_a_query(shop: Shop) -> None:
    for typed in ("-lamp", '"', "or", "a or", "or or or", '-"" x', "'" * 200, "\\", ":*", "a&!b|"):
        for query in search_values(typed).values():
            await shop.value("SELECT $1::tsquery IS NULL", query)


async def test_the_longest_search_is_a_query_of_bounded_size(shop: Shop) -> None:
    for typed in ("ä1" * 100, "ä-b " * 50, "抹" * 200):
        query = read_search(typed).words
        assert len(query) < 20_000
        assert await finds(shop, typed, typed)
        await shop.value("SELECT $1::tsquery IS NULL", query)


def test_sort_keys_sort_as_people_do() -> None:
    expected = ["10 lamps", "apple", "E", "É", "eclair", "Éclair", "éclairs", "Mango", "Zebra"]
    backwards = expected[::-1]
    assert sorted(backwards, key=sort_key) == expected
    assert sort_key("LAMP 10 × x") == "lamp 10 x x\x01lamp 10 × x"
    assert sort_key("ラーメン")[:4] == sort_key("らーめん")


async def test_a_sort_key_of_ascii_is_what_postgresql_makes(shop: Shop) -> None:
    name = unique("The LAMP, 10 x 20: [a] {b} ~") + "".join(map(chr, range(33, 127)))
    assert await shop.value('SELECT lower($1 COLLATE "C")', name) == sort_key(name)


async def test_the_stop_words_are_postgresqls(shop: Shop) -> None:
    for word in ("the", "who", "t", "o", "lamp", "as", "nor", "yourselves"):
        is_stop = await shop.value("SELECT to_tsvector('english', $1) = ''", word)
        # A search for a stop word and another one asks for the other one alone.
        assert (await finds(shop, "zebra", f"{word} zebra")) == is_stop, word
