"""The plans of the very statements that lists send, on enough rows for PostgreSQL to choose."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from persistence.categories import CATEGORIES
from persistence.coupons.views import COUPONS
from persistence.database.listing import Listing, Window
from persistence.database.statements import Query
from persistence.database.transactions import QueryStats, Reader
from persistence.posts.views import POPULAR_POSTS, POSTS
from persistence.products.statements import PRODUCT_TEXTS
from persistence.products.views import PRODUCTS
from persistence.users.views import USERS
from services.process import new_process
from services.search.columns import search_values
from services.search.reindexing import reindex
from tests.conftest import Addresses, settings_for
from tests.shop import Shop

_FEW = 5_000
_VIEWER = {
    "viewer": None,
    "session": None,
    "sees_all": True,
    "administers": False,
    "now": None,
}
_BEYOND = "01890000-0000-7000-8000-000000000000"


class Explaining(Reader):
    """Explains statements in place of running them."""

    plan = ""
    settings: Mapping[str, str] = {}

    async def all(self, query: Query[Any], **values: Any) -> list[Any]:
        async with self._pool.connection() as connection, connection.transaction():
            for name, value in self.settings.items():
                await connection.execute(f"SET LOCAL {name} = {value}")
            sql = f"EXPLAIN {query.sql}"
            rows = await connection.fetch(sql, *query.arguments(values))
            self.plan = "\n".join(row[0] for row in rows)
        return [(0, None)]


@pytest.fixture
async def fresh_shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop of one test, which fills it."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, password_hash)
    await process.close()


@pytest.fixture
async def reader(request: pytest.FixtureRequest, fresh_shop: Shop) -> Explaining:
    """Explains on a shop of many products, each with words of its own and words of many."""
    shop = fresh_shop
    await shop.execute("INSERT INTO categories (id, slug, name) VALUES ($1, 'a', 'A')", _BEYOND)
    await shop.execute(
        """
        INSERT INTO products (id, name, description, price, currency, category_id, created_at)
        SELECT gen_random_uuid(), 'Lamp HD-' || n, '抹茶' || md5(n::text), n, 'EUR', $1,
            now() - n * interval '1 minute'
        FROM generate_series(1, $2) n
        """,
        _BEYOND,
        getattr(request, "param", _FEW),
    )
    await shop.execute("INSERT INTO stock (product_id, on_hand) SELECT id, 1 FROM products")
    await reindex(shop.process.database, lambda _: None)
    for table in ("products", "stock"):
        await shop.execute(f"VACUUM ANALYZE {table}")
    return Explaining(shop.process.database, QueryStats())


@pytest.mark.parametrize(
    "reader", [_FEW, pytest.param(100_000, marks=pytest.mark.soak)], indirect=True
)
async def test_every_search_and_order_of_products_is_answered_by_an_index(
    reader: Explaining,
) -> None:
    searches = ["hd-4711", "4711", '"HD 4711"', "lamp 4711", "4711 or 4712", "4711 -chair", "zebr"]
    for typed in searches:
        values = {**_VIEWER, **search_values(typed)}
        filters = {"search": typed}
        for sort in PRODUCTS.sorts:
            place: Any = 1_000_000 if sort == "relevance" else None
            for beyond in (None, (place, _BEYOND)):
                if beyond is not None and place is None:
                    continue
                await PRODUCTS.page(reader, sort, filters, Window(21, beyond), **values)
                assert "products_words_idx" in reader.plan, (typed, sort, reader.plan)
                assert "Seq Scan on products" not in reader.plan, (typed, sort, reader.plan)
        await PRODUCTS.count(reader, filters, **values)
        assert "products_words_idx" in reader.plan, (typed, reader.plan)

    # PostgreSQL takes this word for a common one. It would walk the list in its order, as it must
    # not for a rare one that it takes for a common one too.
    for sort in ("-createdAt", "price", "name"):
        values = {**_VIEWER, **search_values("lamp")}
        await PRODUCTS.page(reader, sort, {"search": "lamp"}, Window(21), **values)
        for index in ("created_at_id", "price_id", "name_order_id"):
            assert f"products_{index}_idx" not in reader.plan, (sort, reader.plan)
    for sort in ("name", "-name"):
        for beyond in (None, ("lamp", _BEYOND)):
            await PRODUCTS.page(reader, sort, {}, Window(21, beyond), **_VIEWER)
            assert "products_name_order_id_idx" in reader.plan, reader.plan
            assert "Sort" not in reader.plan, reader.plan
    for newer in (True, False):
        await reader.all(PRODUCT_TEXTS.lock, limit=100, newer=newer)
        assert "products_text_version_idx" in reader.plan, reader.plan


@pytest.mark.parametrize("count", [_FEW, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_popular_and_new_posts_are_answered_by_an_index(fresh_shop: Shop, count: int) -> None:
    shop = fresh_shop
    author = (await shop.person()).id
    await shop.execute(
        """
        INSERT INTO posts (id, author_id, title, content, category, is_published, published_at,
            created_at)
        SELECT gen_random_uuid(), $1, 'Post ' || n, 'Worth reading.', 'HEALTH', n % 10 > 0, now(),
            now() - n * interval '1 minute'
        FROM generate_series(1, $2) n
        """,
        author,
        count,
    )
    await shop.execute("INSERT INTO post_views (post_id, views) SELECT id, 7 FROM posts")
    await shop.execute("INSERT INTO post_scores (post_id, score) SELECT id, random() FROM posts")
    for table in ("posts", "post_views", "post_scores"):
        await shop.execute(f"ANALYZE {table}")
    reader = Explaining(shop.process.database, QueryStats())
    await POPULAR_POSTS.page(reader, "popularity", {}, Window(11), **_VIEWER, reads_own=False)
    assert "post_scores_score_post_id_idx" in reader.plan, reader.plan
    await POSTS.page(reader, "-createdAt", {}, Window(21), **_VIEWER, reads_own=False)
    assert "posts_created_at_id_idx" in reader.plan, reader.plan


@pytest.mark.parametrize(
    ("listing", "sort", "index"),
    [
        (CATEGORIES, "name", "categories_name_order_id_idx"),
        (USERS, "fullName", "users_full_name_order_id_idx"),
        (COUPONS, "code", "coupons_code_id_idx"),
    ],
)
async def test_every_order_by_name_is_that_of_an_index(
    shop: Shop, listing: Listing[Any], sort: str, index: str
) -> None:
    reader = Explaining(shop.process.database, QueryStats())
    # Of few rows, PostgreSQL reads and sorts all unless told not to.
    reader.settings = {"enable_seqscan": "off", "enable_sort": "off"}
    for name in (sort, f"-{sort}"):
        for beyond in (None, ("lamp", _BEYOND)):
            await listing.page(reader, name, {}, Window(21, beyond), **_VIEWER)
            assert index in reader.plan, reader.plan
            assert "Sort" not in reader.plan, reader.plan
