"""PostgreSQL's clock."""

import sqlalchemy as sa

from persistence.database.columns import Instant
from persistence.database.statements import Query, value

#: The time at which the statement runs, not the one at which its transaction began.
CLOCK = Query(sa.select(sa.func.clock_timestamp(type_=Instant)), value)
