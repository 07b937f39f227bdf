"""Jobs that tell authors what moderators did: unpublished a post, removed a comment.

Operations queue ``mail.postUnpublished`` with ``{"postId"}`` and ``mail.commentRemoved`` with
``{"commentId"}``. The job reads the reason when it sends the mail, and sends none when the post or
comment was restored or deleted since.
"""

from persistence.comments.statements import POST_TITLE
from persistence.comments.views import COMMENT
from persistence.database.transactions import QueryStats
from persistence.posts.views import POST
from persistence.users.statements import ADDRESS_OF
from services.jobs.queue import Job
from services.mail.sending import Mail, send
from services.process import Process


async def post_unpublished(process: Process, job: Job) -> None:
    """Tell an author why a moderator unpublished the post."""
    reader = process.database.reader(QueryStats())
    post = await reader.one(POST.stored, ids=[job.data["postId"]])
    if post is None or post.unpublished_reason is None:
        return
    text = f"""\
Hello,

a moderator unpublished your post "{post.title}":

{post.unpublished_reason}

It is a draft now, which you can edit. Only moderators can publish it again: write to us once it is
ready.
"""
    await _send(process, job, post.author_id, "Your post was unpublished", text)


async def comment_removed(process: Process, job: Job) -> None:
    """Tell an author why a moderator removed the comment."""
    reader = process.database.reader(QueryStats())
    comment = await reader.one(COMMENT.stored, ids=[job.data["commentId"]])
    if comment is None or comment.removed_reason is None or comment.author_id is None:
        return
    title = await reader.one(POST_TITLE, post_id=comment.post_id)
    text = f"""\
Hello,

a moderator removed your comment on "{title}":

{comment.removed_reason}

Readers see this reason in its place. Write to us if you think that it should be restored.
"""
    await _send(process, job, comment.author_id, "Your comment was removed", text)


async def _send(process: Process, job: Job, user_id: str, subject: str, text: str) -> None:
    """Mail the author; a deleted account has no address, so it gets no mail."""
    email = await process.database.reader(QueryStats()).one(ADDRESS_OF, user_id=user_id)
    if email is not None:
        await send(process.settings, Mail(email, subject, text), job.id, process.clock())
