"""Reads of comments: one comment, those of a post, and the replies to one."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from persistence.comments.statements import VISIBLE_COMMENTS
from persistence.comments.tables import CommentStatus as CommentStatus
from persistence.comments.views import COMMENT, COMMENTS, REPLIES, Comment
from persistence.database.listing import Listing
from persistence.database.statements import Query
from persistence.posts.statements import VISIBLE_POSTS
from services.access.permissions import PUBLIC, Permission
from services.errors.base import TandemError
from services.errors.comments import CommentNotFound
from services.errors.posts import PostNotFound
from services.ids import NOWHERE, parsed
from services.operation import paging
from services.operation.context import Context, Request, viewer_values_for_relation
from services.operation.inputs import Input, PathId
from services.operation.operation import operation
from services.operation.paging import Page, Paged

#: Whoever sees comments on drafts must be allowed to see the drafts.
ALSO = (Permission.POSTS_READ_ALL,)


class CommentId(Input):
    """The comment."""

    id: PathId = Field(description="The comment's id.")


class ListComments(Paged):
    """Sort of a list of comments."""

    sort: Literal["createdAt", "-createdAt"] = Field(
        "createdAt", description="How the list is sorted."
    )


@operation(
    "comments.list",
    who=PUBLIC,
    also=ALSO,
    input=ListComments,
    result=Comment,
    errors=[PostNotFound],
    paged=True,
)
async def list_(
    ctx: Context, post_ids: Sequence[str], input: ListComments
) -> Mapping[str, Page[Comment] | TandemError]:
    """List the comments on a post, oldest first, without the replies to them."""
    return await _pages(ctx, COMMENTS, VISIBLE_POSTS, post_ids, input, PostNotFound)


@operation(
    "comments.replies",
    who=PUBLIC,
    also=ALSO,
    input=ListComments,
    result=Comment,
    errors=[CommentNotFound],
    paged=True,
)
async def replies(
    ctx: Context, comment_ids: Sequence[str], input: ListComments
) -> Mapping[str, Page[Comment] | TandemError]:
    """List the replies to a comment, oldest first."""
    return await _pages(ctx, REPLIES, VISIBLE_COMMENTS, comment_ids, input, CommentNotFound)


@operation(
    "comments.get",
    who=PUBLIC,
    also=ALSO,
    input=CommentId,
    result=Comment,
    errors=[CommentNotFound],
)
async def get(ctx: Context, input: CommentId) -> Comment:
    """Read one comment."""
    comment = await ctx.reader.one(COMMENT.by_ids, ids=[input.id], **ctx.viewer_values)
    if comment is None:
        raise CommentNotFound
    return comment


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Comment]:
    """Load the comments that the caller may see, by id; relation of replies."""
    rows = await request.reader.all(
        COMMENT.by_ids, ids=list(ids), **viewer_values_for_relation(request, "comments")
    )
    return {row.id: row for row in rows}


async def _pages(
    ctx: Context,
    listing: Listing[Comment],
    visible: Query[str],
    ids: Sequence[str],
    input: ListComments,
    absent: type[TandemError],
) -> Mapping[str, Page[Comment] | TandemError]:
    """The page under each of the things that the caller may see."""
    parsed_ids = {id: parsed(id) or NOWHERE for id in ids}
    found = await ctx.reader.all(visible, ids=list(parsed_ids.values()), **ctx.viewer_values)
    pages = await paging.pages(ctx, listing, found, input, input.sort)
    return {id: pages.get(parsed_ids[id]) or absent() for id in ids}
