"""`tandem events`: end the cursors of the log from before a restore."""

from pathlib import Path

from api.cli.servers import read_settings, running_servers, with_process
from api.cli.terminal import out
from persistence.database.transactions import QueryStats
from persistence.events.statements import RENEW_EPOCH


def renew_epoch(data: Path) -> None:
    """Give the log another epoch: cursors of the former one are refused as EVENTS_GONE."""
    with running_servers(read_settings(), data) as settings:
        with_process(
            settings, lambda process: process.database.reader(QueryStats()).one(RENEW_EPOCH)
        )
    out.print("Cursors from before are EVENTS_GONE now.")
