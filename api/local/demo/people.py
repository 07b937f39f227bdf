"""Makes the demo shop's accounts: the staff's logins and the customers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from api.local.demo.loader import PASSWORD, Loader, spread
from api.local.demo.plans import FIRST_ORDER_DAY
from api.local.demo.shop import Customer, Person, Staff
from persistence.users.tables import Role
from services.auth import signing_in as auth
from services.users import managing, own_account

#: Days before the load.
_STAFF_DAY, _FIRST_CUSTOMER_DAY = 190, 150


async def add_staff(loader: Loader, staff: Sequence[Staff]) -> dict[Role, str]:
    """Make the demo logins and sign them in; their access tokens by role.

    The operation runs without a caller, as `tandem create-admin` runs it.
    """
    loader.clock.now = loader.ends_at - timedelta(days=_STAFF_DAY)
    tokens: dict[Role, str] = {}
    for person in staff:
        await managing.create.by_system(loader.request(), {**_account(person), "role": person.role})
        login = {"email": person.email, "password": PASSWORD}
        tokens[person.role] = (await auth.login(loader.request(), login)).access_token
    return tokens


async def add_customers(loader: Loader, customers: Sequence[Customer]) -> list[str]:
    """Register the customers; their access tokens in the same order."""
    times = spread(loader, _FIRST_CUSTOMER_DAY, FIRST_ORDER_DAY + 1, len(customers))
    tokens: list[str] = []
    for customer, at in zip(customers, times, strict=True):
        loader.clock.now = at
        token = (await auth.register(loader.request(), _account(customer))).access_token
        if customer.bio is not None:
            await own_account.update_me(loader.request(token), {"bio": customer.bio})
        tokens.append(token)
    return tokens


def _account(person: Person) -> dict[str, Any]:
    return {
        "email": person.email,
        "username": person.username,
        "password": PASSWORD,
        "fullName": person.full_name,
        "firstName": person.first_name,
        "lastName": person.last_name,
    }
