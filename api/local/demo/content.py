"""Makes the demo shop's posts, with comments, likes and views, and its projects."""

from collections.abc import Sequence
from datetime import timedelta

from api.local.demo.loader import Loader, spread
from api.local.demo.shop import Post, Shop
from services import projects
from services.comments import writing as comments
from services.ids import new_id
from services.jobs.queue import Job
from services.posts import liking, writing
from services.posts.scoring import refresh_scores

#: Days before the load.
_FIRST_POST_DAY = 90
_LAST_POST_DAY = 2
_PROJECTS = 20


async def add_content(loader: Loader, shop: Shop, people: Sequence[str]) -> None:
    """Make posts and projects of people, who are given by their access tokens."""
    times = spread(loader, _FIRST_POST_DAY, _LAST_POST_DAY, len(shop.posts))
    for number, (post, at) in enumerate(zip(shop.posts, times, strict=True)):
        loader.clock.now = at
        await _add_post(loader, shop, people, post, number)
    await loader.process.post_views.flush()
    loader.clock.now = loader.ends_at
    await refresh_scores(loader.process, Job(new_id(loader.clock.now), "seed", {}))
    for number in range(_PROJECTS):
        await _add_project(loader, shop, people[number % len(people)], number)


async def _add_post(
    loader: Loader, shop: Shop, people: Sequence[str], post: Post, number: int
) -> None:
    """Make a post and what readers do with it; neither depends on chance."""

    def somebody(place: int) -> str:
        return people[(7 * number + 3 * place + 1) % len(people)]

    raw = {
        "title": post.title,
        "content": post.content,
        "category": post.category,
        "tags": post.tags,
        "isPublished": True,
    }
    author = people[number % len(people)]
    made = await writing.create(loader.request(author), raw)
    views = (number * 37) % 90 + 8
    for reader in range(views):
        loader.process.post_views.note(made.id, f"demo {reader}", loader.clock.now)
    for place in range((number * 5) % 7):
        await liking.like(loader.request(somebody(place)), {"id": made.id})
    first = None
    for place in range((number * 3) % 5):
        loader.clock.now += timedelta(hours=2)
        text = shop.comments[(number + 4 * place) % len(shop.comments)]
        raw = {"id": made.id, "content": text}
        comment = await comments.create(loader.request(somebody(place)), raw)
        first = first or comment.id
    if first is not None and number % 2:
        loader.clock.now += timedelta(hours=1)
        text = shop.replies[number % len(shop.replies)]
        raw = {"id": made.id, "content": text, "parentId": first}
        await comments.create(loader.request(author), raw)


async def _add_project(loader: Loader, shop: Shop, owner: str, number: int) -> None:
    project = shop.projects[number % len(shop.projects)]
    due = project.days and loader.ends_at + timedelta(days=project.days + number)
    raw = {
        "name": project.name,
        "description": project.description,
        "status": project.status,
        "budget": project.budget and str(loader.amount(project.budget)),
        "deadline": due and due.date().isoformat(),
    }
    loader.clock.now = loader.ends_at - timedelta(days=_PROJECTS - number)
    await projects.create(loader.request(owner), raw)
