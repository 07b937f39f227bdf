"""The job that scores posts, by which popular posts are listed."""

from persistence.database.transactions import QueryStats
from persistence.posts.statements import REFRESH_SCORES
from services.jobs.queue import Job
from services.process import Process


async def refresh_scores(process: Process, _: Job) -> None:
    """Score every post anew: views + 2 × likes + 3 × comments."""
    await process.database.reader(QueryStats()).all(REFRESH_SCORES)
