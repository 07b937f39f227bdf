"""Which jobs come first: places of their own for some, and a higher priority for others."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct


class Lane(Struct, frozen=True):
    """Jobs with places of their own in every worker, so that they wait for no other jobs."""

    name: str
    jobs: frozenset[str]
    #: How many of these jobs a worker runs at one time, at least two.
    at_once: int


#: A worker takes jobs of a lane by these numbers, the highest first; others have 0. Somebody waits
#: for each of the first ones. People expect the mails below them, but do not wait.
PRIORITIES: Mapping[str, int] = {
    "deposits.charge": 2,
    "mail.emailChanging": 2,
    "mail.resetPassword": 2,
    "mail.verifyEmail": 2,
    "mail.commentRemoved": 1,
    "mail.orderPaid": 1,
    "mail.orderPlaced": 1,
    "mail.orderRefunded": 1,
    "mail.orderShipped": 1,
    "mail.postUnpublished": 1,
}


#: Connections of a worker besides its pool: two for each of its three lanes.
QUEUE_CONNECTIONS = 6


def split(names: Collection[str], lanes: Sequence[Lane], at_once: int) -> list[Lane]:
    """The lanes of these names, and one more of ``at_once`` places for names without a lane."""
    wanted = [
        Lane(lane.name, jobs, lane.at_once) for lane in lanes if (jobs := lane.jobs & {*names})
    ]
    rest = frozenset(names).difference(*(lane.jobs for lane in wanted))
    return [*wanted, Lane("jobs", rest, at_once)] if rest or not wanted else wanted
