"""Reads the demo shop from the TOML files in `data`: people, categories, products and posts."""

import tomllib
from decimal import Decimal
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import Struct, convert

from persistence.posts.tables import PostCategory
from persistence.projects import ProjectStatus
from persistence.users.tables import Role

_FOLDER = Path(__file__).parent / "data"

Metadata = dict[str, str | int]
Kind = TypeVar("Kind")


class Person(Struct, frozen=True):
    """A person with an account."""

    email: str
    username: str
    first_name: str
    last_name: str
    full_name: str


class Staff(Person, frozen=True):
    """The person behind one of the demo logins."""

    role: Role


class Customer(Person, frozen=True):
    """A customer of the shop."""

    address: dict[str, str]
    bio: str | None = None

    @property
    def shipping_address(self) -> dict[str, str]:
        """The customer's home as an order takes it."""
        return {"name": self.full_name, **self.address}


class Category(Struct, frozen=True):
    """A category; its slug names its file of products."""

    slug: str
    name: str
    description: str


class Coupon(Struct, frozen=True):
    """A coupon that exists before the first order."""

    code: str
    kind: Literal["PERCENT", "FIXED"]
    value: Decimal
    minimum_order: Decimal
    description: str


class Product(Struct, frozen=True):
    """A product with its stock before the first order."""

    category: str
    name: str
    description: str
    price: Decimal
    tags: list[str]
    metadata: Metadata
    stock: int
    archived: bool


class Post(Struct, frozen=True):
    """A post that a customer has written."""

    category: PostCategory
    title: str
    content: str
    tags: list[str]


class Project(Struct, frozen=True):
    """A project; ``days`` after the load it is to be done."""

    name: str
    description: str = ""
    status: ProjectStatus = ProjectStatus.ACTIVE
    budget: Decimal | None = None
    days: int | None = None


class Shop(Struct, frozen=True):
    """All that the data files hold, in their order."""

    staff: list[Staff]
    customers: list[Customer]
    categories: list[Category]
    coupons: list[Coupon]
    products: list[Product]
    posts: list[Post]
    comments: list[str]
    replies: list[str]
    projects: list[Project]


class _Variant(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    price: Decimal
    stock: int
    description: str
    metadata: Metadata = {}
    archived: bool = False


class _Family(Struct, frozen=True, forbid_unknown_fields=True):
    """Products that share a name, a description, tags and metadata."""

    name: str
    description: str
    tags: list[str]
    metadata: Metadata
    variants: list[_Variant]


def read_shop() -> Shop:
    """Read all data files."""
    shop, content = _read("shop.toml"), _read("content.toml")
    categories = convert(shop["categories"], list[Category])
    return Shop(
        staff=convert(shop["staff"], list[Staff]),
        customers=convert(_read("customers.toml")["customers"], list[Customer]),
        categories=categories,
        coupons=convert(shop["coupons"], list[Coupon]),
        products=_in_turn([_products(category.slug) for category in categories]),
        posts=_in_turn([_posts(category) for category in PostCategory]),
        comments=convert(content["comments"], list[str]),
        replies=convert(content["replies"], list[str]),
        projects=convert(content["projects"], list[Project]),
    )


def _products(category: str) -> list[Product]:
    """The products of a category, in the order of its file."""
    families = convert(_read(f"products/{category}.toml")["families"], list[_Family])
    return [
        Product(
            category=category,
            name=f"{family.name}, {variant.name}",
            description=f"{family.description} {variant.description}",
            price=variant.price,
            tags=family.tags,
            metadata=family.metadata | variant.metadata,
            stock=variant.stock,
            archived=variant.archived,
        )
        for family in families
        for variant in family.variants
    ]


def _posts(category: PostCategory) -> list[Post]:
    """The posts of a category, in the order of its file."""
    found = _read(f"posts/{category.lower()}.toml")["posts"]
    return convert([{**post, "category": category} for post in found], list[Post])


def _in_turn(lists: list[list[Kind]]) -> list[Kind]:
    """The first of each list, then the second of each: so every page of products is mixed."""
    rows = chain.from_iterable(zip_longest(*lists))
    return [item for item in rows if item is not None]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
