"""Operations of authors: create, change and delete posts."""

from typing import Annotated, Any

from msgspec import structs
from pydantic import Field
from pydantic.alias_generators import to_camel

from persistence.database.transactions import Transaction
from persistence.posts.statements import (
    DELETE_POSTS,
    INSERT_POST,
    INSERT_SCORE,
    INSERT_VIEWS,
    LOCK_POST_TO_DELETE,
)
from persistence.posts.tables import PostCategory
from persistence.posts.views import Post
from services.access.permissions import Permission
from services.done import Done
from services.errors.posts import PostNotFound, PostStatusInvalid
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, LongLines, NameLine, PathId
from services.operation.operation import operation
from services.operation.patches import ABSENT, Patch, changes
from services.posts import steps
from services.posts.reading import PostId
from services.posts.texts import text_columns
from services.quota.quota import Policy
from services.tags import Tags

Title = Annotated[NameLine, Field(min_length=5, max_length=200)]
Content = Annotated[LongLines, Field(min_length=10, max_length=100_000)]


class CreatePost(Input):
    """A new post."""

    title: Title = Field(description="What the post is called.", examples=["Ten quiet keyboards"])
    content: Content = Field(
        description="The text. It is plain text, and is shown as it was written.",
        examples=["We typed on forty of them, and these are the ten that we kept."],
    )
    category: PostCategory = Field(description="The subject of the post.", strict=False)
    tags: Tags = Field(
        [], description="Tags to filter by. In whatever case, a tag is kept once, as spelled first."
    )
    is_published: bool = Field(False, description="True publishes the post at once.")


class UpdatePost(Patch):
    """The changes to a post. Absent fields stay as they are."""

    id: PathId = Field(description="The post's id.")
    title: Title = Field(
        ABSENT, description="What the post is called.", examples=["Ten quiet keyboards"]
    )
    content: Content = Field(
        ABSENT,
        description="The text. It is plain text, and is shown as it was written.",
        examples=["We typed on forty of them, and these are the ten that we kept."],
    )
    category: PostCategory = Field(ABSENT, description="The subject of the post.", strict=False)
    tags: Tags | None = Field(
        None, description="Tags to filter by; they replace all earlier tags, and null clears them."
    )
    is_published: bool = Field(
        ABSENT, description="True publishes the post, false makes it a draft."
    )


@operation(
    "posts.create",
    who=Permission.POSTS_WRITE_OWN,
    input=CreatePost,
    result=Post,
    writes=True,
    emits=(types.POST_CREATED, types.POST_PUBLISHED),
    key=Key.OPTIONAL,
    cost=5,
    quota=Policy.CONTENT,
)
async def create(ctx: Context, tx: Transaction, input: CreatePost) -> Post:
    """Write a post: a draft, unless isPublished is true."""
    post_id = ctx.new_id()
    ctx.record("post", post_id, *sorted(to_camel(name) for name in input.model_fields_set))
    await tx.all(
        INSERT_POST,
        id=post_id,
        author_id=ctx.user_id,
        title=input.title,
        content=input.content,
        category=input.category,
        tags=input.tags,
        is_published=input.is_published,
        published_at=ctx.now if input.is_published else None,
        created_at=ctx.now,
        **text_columns(input.title, input.tags, input.content),
    )
    await tx.write(INSERT_VIEWS, post_id=post_id)
    await tx.write(INSERT_SCORE, post_id=post_id)
    post = await steps.load_post(tx, post_id)
    told = types.POST_PUBLISHED if post.is_published else types.POST_CREATED
    emit(ctx, told, post, audience.of_post(post))
    return post


@operation(
    "posts.update",
    who=Permission.POSTS_WRITE_OWN,
    input=UpdatePost,
    result=Post,
    errors=[PostNotFound, PostStatusInvalid],
    writes=True,
    emits=(types.POST_UPDATED, types.POST_PUBLISHED, types.POST_UNPUBLISHED),
    key=Key.OPTIONAL,
    conditional=True,
)
async def update(ctx: Context, tx: Transaction, input: UpdatePost) -> Post:
    """Change a post, publish it, or make it a draft again. Admins change everybody's.

    A post that a moderator unpublished can be edited, but only moderators and up publish it again.
    """
    post = await steps.lock_post(ctx, tx, input.id)
    ctx.require_ownership(post.author_id)
    ctx.match(post)
    changed: dict[str, Any] = changes(input, structs.asdict(post), empty={"tags": []})
    if changed.get("is_published"):
        moderates = ctx.caller is not None and ctx.caller.may(Permission.POSTS_MODERATE_ALL)
        if post.unpublished_reason is not None and not moderates:
            raise PostStatusInvalid("A moderator unpublished the post, and has to restore it.")
        changed |= steps.published(ctx, post)
    ctx.record("post", post.id, *sorted(to_camel(name) for name in changed))
    return await steps.write_changes(ctx, tx, post, changed)


@operation(
    "posts.delete",
    who=Permission.POSTS_WRITE_OWN,
    input=PostId,
    result=Done,
    errors=[PostNotFound],
    writes=True,
    emits=(types.POST_DELETED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def delete(ctx: Context, tx: Transaction, input: PostId) -> Done:
    """Delete a post for good, with its comments and likes. Admins delete everybody's."""
    post = await steps.lock_post(ctx, tx, input.id, LOCK_POST_TO_DELETE)
    ctx.require_ownership(post.author_id)
    ctx.match(post)
    for query in DELETE_POSTS:
        await tx.write(query, ids=[post.id])
    emit(ctx, types.POST_DELETED, post, audience.of_post(post))
    return Done()
