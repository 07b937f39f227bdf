"""Conditions that find an account by any of the spellings of its email."""

from typing import Any

import sqlalchemy as sa

from persistence.database.columns import TextArray
from persistence.users.tables import users

_spelling = sa.func.unnest(sa.bindparam("emails", type_=TextArray)).column_valued("spelling")
#: The spellings that are looked for, in lower case. It is one array, so that an index answers.
_wanted: sa.ColumnElement[Any] = sa.func.array(
    sa.select(sa.func.lower(_spelling)).scalar_subquery(), type_=TextArray
)
_stored = sa.func.lower(users.c.email)
#: The account has one of the spellings ``emails``.
spelled_as = _stored == sa.any_(_wanted)
#: The order of accounts that have different spellings of one address: the first given one first.
in_order_of_spellings = sa.func.array_position(_wanted, _stored)
