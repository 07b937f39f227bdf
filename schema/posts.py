"""Posts, and the comments on them."""

import strawberry
from strawberry import LazyType

from schema.building.connections import Connection
from schema.building.fields import read, relation, write
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from services.comments import moderating as comments_moderating
from services.comments import reading as comments
from services.comments import writing as comments_writing
from services.posts import liking, moderating, reading, writing
from services.users import reading as users

#: Types that are defined later: users name their posts, a post its comments, and a comment both.
LaterUser = LazyType("PublicUser", "schema.users")
LaterPost = LazyType("Post", "schema.posts")
LaterComment = LazyType("Comment", "schema.posts")

enum(
    reading.PostCategory,
    TECHNOLOGY="Machines and programs.",
    LIFESTYLE="Home, food and free time.",
    BUSINESS="Work and money.",
    HEALTH="Body and mind.",
    EDUCATION="Learning and teaching.",
)
enum(
    comments.CommentStatus,
    VISIBLE="It shows its text.",
    REMOVED="A moderator removed its text.",
    DELETED="Its author deleted it, and it has replies.",
)


@mirror(comments.Comment)
class Comment(Node):
    author = relation(users.authors_by_ids, "author_id", LaterUser, "The user who wrote it.")
    post = relation(reading.by_ids, "post_id", LaterPost, "The post that it is about.")
    parent = relation(comments.by_ids, "parent_id", LaterComment, "The comment that it replies to.")
    replies = read(comments.replies, "Comment.replies", Connection[LaterComment], key="id")


@mirror(reading.Post)
class Post(Node):
    author = relation(users.authors_by_ids, "author_id", LaterUser, "The user who wrote it.")
    viewer_has_liked = relation(
        reading.liked_by_viewer,
        "id",
        bool,
        "Whether the caller likes it; null when nobody is signed in.",
    )
    comments = read(comments.list_, "Post.comments", Connection[Comment], key="id")


@strawberry.type
class Query:
    list_posts = read(reading.list_, "posts", Connection[Post])
    popular_posts = read(reading.popular, "popularPosts", Connection[Post])
    post = read(reading.get, "post", Post)
    comment = read(comments.get, "comment", Comment)


@strawberry.type
class Mutation:
    create_post = write(writing.create, "createPost", Post)
    update_post = write(writing.update, "updatePost", Post)
    delete_post = write(writing.delete, "deletePost", Done)
    unpublish_post = write(moderating.unpublish, "unpublishPost", Post)
    restore_post = write(moderating.restore, "restorePost", Post)
    like_post = write(liking.like, "likePost", Post)
    unlike_post = write(liking.unlike, "unlikePost", Done)
    create_comment = write(comments_writing.create, "createComment", Comment)
    update_comment = write(comments_writing.update, "updateComment", Comment)
    delete_comment = write(comments_writing.delete, "deleteComment", Done)
    remove_comment = write(comments_moderating.remove, "removeComment", Comment)
    restore_comment = write(comments_moderating.restore, "restoreComment", Comment)
