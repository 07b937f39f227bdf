"""Reads of posts: one post, the lists of published ones, and an author's own."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from persistence.database.listing import Window
from persistence.posts.statements import LIKED
from persistence.posts.tables import PostCategory as PostCategory
from persistence.posts.views import (
    OWN_POSTS,
    POPULAR_POSTS,
    POST,
    POSTS,
    POSTS_OF_AUTHORS,
    Post,
)
from services.access.permissions import PUBLIC, Permission
from services.errors.base import TandemError
from services.errors.posts import PostNotFound
from services.operation import paging
from services.operation.context import Context, Request, Wanted, viewer_values_for_relation
from services.operation.inputs import Flag, Input, Line, PathId, Reference, TopSize, wrong
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.search.columns import search_values
from services.tags import Tag

PostSort = Literal[
    "-createdAt", "createdAt", "-updatedAt", "updatedAt", "title", "-title", "relevance"
]
_SEARCH = (
    "Words to find in title, tags or text, all of them, in any language. Case and accents do not "
    "matter, an English word is found in its other forms, and the last word by its beginning. "
    '"Quotes" find a phrase, -word excludes a word, and or gives a choice.'
)
_SORT = (
    "How the list is sorted: by relevance when it is searched, else newest first, if absent. "
    "Relevance puts words in the title before those in tags, and these before those in the text."
)
#: How many posts a user's public part shows; the list of posts has all of them.
LATEST = 10


class PostId(Input):
    """The post."""

    id: PathId = Field(description="The post's id.")


class SearchPosts(Paged):
    """Search and sort of a list of posts."""

    search: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        None, description=_SEARCH
    )
    sort: PostSort | None = Field(None, description=_SORT)

    @model_validator(mode="after")
    def _refuse_conflicts(self) -> Self:
        if self.sort == "relevance" and self.search is None:
            raise wrong("CONFLICT", "Give a search to sort by relevance.", "sort")
        return self

    @property
    def order(self) -> PostSort:
        """How the list is sorted."""
        return self.sort or ("-createdAt" if self.search is None else "relevance")


class ListPosts(SearchPosts):
    """Filters and sort of the list of published posts."""

    category: PostCategory | None = Field(
        None, description="The subject of the post.", strict=False
    )
    author: Reference | None = Field(None, description="Id of the user who wrote the post.")
    tag: Tag | None = Field(None, description="A tag of the post; case does not matter.")


class ListMyPosts(SearchPosts):
    """Filters and sort of the caller's own posts."""

    is_published: Flag | None = Field(
        None, description="True for published posts only, false for drafts only."
    )


class PopularPosts(Input):
    """How many of the most popular posts."""

    first: TopSize = Field(10, description="How many, from the most popular one on.")
    total: Flag = Field(False, description="Count the published posts as well.")


@operation("posts.list", who=PUBLIC, input=ListPosts, result=Post, paged=True)
async def list_(ctx: Context, input: ListPosts) -> Page[Post]:
    """List the published posts, newest first, or the most relevant ones of a search first."""
    filters = {
        "category": input.category,
        "author": input.author,
        "tag": input.tag,
        "search": input.search,
    }
    values = search_values(input.search)
    return await paging.page(ctx, POSTS, input, input.order, filters, **values)


@operation(
    "posts.listMine",
    who=Permission.POSTS_READ_OWN,
    also=(Permission.ACCOUNT_READ_OWN,),
    input=ListMyPosts,
    result=Post,
    paged=True,
)
async def list_mine(
    ctx: Context, user_ids: Sequence[str], input: ListMyPosts
) -> Mapping[str, Page[Post] | TandemError]:
    """List the caller's own posts, drafts included, newest first."""
    filters = {"isPublished": input.is_published, "search": input.search}
    values = search_values(input.search)
    return await paging.own_page(ctx, OWN_POSTS, user_ids, input, input.order, filters, **values)


@operation("posts.popular", who=PUBLIC, input=PopularPosts, result=Post, paged=True)
async def popular(ctx: Context, input: PopularPosts) -> Page[Post]:
    """List the most popular published posts, the most popular one first.

    A view counts once, a like twice and a comment three times. They are counted every half minute,
    so a new one may not count yet.
    """
    values = ctx.viewer_values
    posts, _ = await POPULAR_POSTS.page(
        ctx.reader, "popularity", {}, Window(input.first), ctx.wanted, **values
    )
    total = await POPULAR_POSTS.count(ctx.reader, {}, **values) if input.total else None
    return Page(posts, has_next=False, has_previous=False, size=input.first, number=1, total=total)


@operation(
    "posts.get",
    who=PUBLIC,
    input=PostId,
    result=Post,
    errors=[PostNotFound],
    cached=("post:",),
)
async def get(ctx: Context, input: PostId) -> Post:
    """Read one post. A draft is shown to its author, moderators and up.

    Reading a published post counts a view. A reader counts once in half an hour.
    """

    async def load(values: Mapping[str, Any]) -> Post:
        post = await ctx.reader.one(POST.by_ids, ids=[input.id], **values)
        if post is None:
            raise PostNotFound
        return post

    async def load_for_everybody() -> Post:
        # The cache shows it to everybody, so it must not depend on who reads it first.
        return await load({**ctx.viewer_values, "viewer": None, "sees_all": False})

    try:
        post = await ctx.cached(Post, input.id, load_for_everybody)
    except PostNotFound:
        if ctx.caller is None:
            raise
        ctx.request.note_cache("BYPASS")
        return await load(ctx.viewer_values)
    ctx.process.post_views.note(input.id, _reader(ctx), ctx.now)
    return post


def _reader(ctx: Context) -> str | None:
    """Who reads, as views tell readers apart: the user, else the address's household."""
    if ctx.caller is not None:
        return ctx.caller.user_id
    place = ctx.process.places.stored(ctx.request.address)
    return None if place is None else place.hex()


async def by_ids(
    request: Request, ids: Sequence[str], wanted: Wanted | None = None
) -> dict[str, Post]:
    """Load the posts that the caller may see, by id; relation of comments."""
    rows = await request.reader.all(
        POST.of_ids(wanted), ids=list(ids), **viewer_values_for_relation(request, "posts")
    )
    return {row.id: row for row in rows}


async def latest_of(request: Request, user_ids: Sequence[str]) -> dict[str, list[Post]]:
    """Load the newest published posts of users; relation of a user's public part."""
    return await POSTS_OF_AUTHORS.pages(
        request.reader,
        list(user_ids),
        "-createdAt",
        {},
        Window(LATEST),
        **viewer_values_for_relation(request, "posts"),
    )


async def liked_by_viewer(request: Request, ids: Sequence[str]) -> dict[str, bool]:
    """Whether the caller likes posts, by id; relation of posts. None of them without a caller."""
    request.note_cache("BYPASS")
    caller = request.caller
    if caller is None or not caller.may(Permission.POSTS_READ_OWN):
        return {}
    liked = await request.reader.all(LIKED, ids=list(ids), user_id=caller.user_id)
    return dict.fromkeys(ids, False) | dict.fromkeys(liked, True)
