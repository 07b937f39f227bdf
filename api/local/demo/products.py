"""Makes the demo shop's categories, products and coupons."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from api.local.demo.loader import Loader, spread
from api.local.demo.plans import FIRST_ORDER_DAY
from api.local.demo.shop import Coupon, Shop
from persistence.users.tables import Role
from services import categories
from services.coupons import managing as coupons
from services.money import PERCENT
from services.products import managing

#: Days before the load.
_FIRST_PRODUCT_DAY = 180


async def add_products(loader: Loader, shop: Shop, staff: Mapping[Role, str]) -> list[str]:
    """Make categories and products; the products' ids in the order of `Shop.products`.

    ``staff`` are access tokens: managers make products, only admins archive them.
    """
    manager, admin = staff[Role.MANAGER], staff[Role.ADMIN]
    times = spread(loader, _FIRST_PRODUCT_DAY, FIRST_ORDER_DAY + 1, len(shop.products))
    loader.clock.now = times[0]
    category_ids: dict[str, str] = {}
    for category in shop.categories:
        raw = {
            "slug": category.slug,
            "name": category.name,
            "description": category.description,
        }
        category_ids[category.slug] = (await categories.create(loader.request(manager), raw)).id
    ids: list[str] = []
    for product, at in zip(shop.products, times, strict=True):
        loader.clock.now = at
        raw = {
            "name": product.name,
            "description": product.description,
            "price": str(loader.amount(product.price)),
            "categoryId": category_ids[product.category],
            "tags": product.tags,
            "metadata": product.metadata,
            "stock": product.stock,
        }
        product_id = (await managing.create(loader.request(manager), raw)).id
        if product.archived:
            await managing.archive(loader.request(admin), {"id": product_id})
        ids.append(product_id)
    return ids


async def add_coupons(loader: Loader, all_coupons: Sequence[Coupon], manager: str) -> None:
    """Make the coupons on the day before the first order."""
    loader.clock.now = loader.ends_at - timedelta(days=FIRST_ORDER_DAY + 1)
    for coupon in all_coupons:
        percent = coupon.kind == "PERCENT"
        value = PERCENT.rounded(coupon.value) if percent else loader.amount(coupon.value)
        raw = {
            "code": coupon.code,
            "kind": coupon.kind,
            "value": str(value),
            "description": coupon.description,
            "minimumOrder": str(loader.amount(coupon.minimum_order)),
        }
        await coupons.create(loader.request(manager), raw)
