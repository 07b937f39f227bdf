"""`tandem seed`: load the demo shop into an empty database."""

import asyncio
from pathlib import Path

from api.cli.migrate import migrate_database
from api.cli.servers import keep_database_currency, read_settings, running_servers
from api.cli.terminal import Problem, out
from api.local.demo.seed import seed as load
from services.settings.settings import Settings


def seed(data: Path) -> None:
    """Load the demo data; production refuses, as its password is published."""
    if read_settings().environment == "production":
        raise Problem("Demo data has a published password: production does not load it.")
    with running_servers(read_settings(), data) as settings:
        migrate_database(settings)
        keep_database_currency(settings)
        loaded = seed_database(settings)
    out.print("Demo data loaded." if loaded else "The database holds data already: left as it is.")


def seed_database(settings: Settings) -> bool:
    """Load the demo data with progress; False when the database holds data already."""
    with out.status("Loading demo data …") as status:
        return asyncio.run(load(settings, lambda step: status.update(f"Loading demo data: {step}")))
