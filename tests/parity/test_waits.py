"""P7: what a face says of the wait is true, and each attempt is charged alike on every face."""

from typing import Any

import httpx
import pytest

from schema.executing.documents import Documents
from schema.executing.executable import Executable
from schema.executing.execute import GraphQLRequest, answer
from schema.executing.limits import Limits
from services.catalogue import BY_NAME
from tests.faces import FACES
from tests.parity.test_quota import code_of, me
from tests.shop import PASSWORD, Person
from tests.sites import Open, Site

LOGIN = "mutation ($i: LoginInput!) { login(input: $i) { tokenType } }"
#: Bodies of a login that its input refuses.
BAD_LOGINS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a type": {"email": 5, "password": PASSWORD},
    "a name": {"email": "nobody@example.com", "password": PASSWORD, "surprise": 1},
    "a form": {"email": "nobody", "password": PASSWORD},
}


async def spend_all(site: Site, person: Person) -> None:
    """Spend what a caller has."""
    while await site.own(person):
        await me(await site.client(), "v2", person.token)


@pytest.mark.parametrize("characters", [0, 300, 10_000], ids=["short", "longer", "long"])
@pytest.mark.parametrize("fields", [1, 16, 20])
async def test_a_spent_callers_new_document_waits_once(
    open_site: Open, fields: int, characters: int
) -> None:
    site = await open_site(quota_signed_in=40, quota_signed_in_seconds=400)
    person, client = await site.shop.person(), await site.client()
    await spend_all(site, person)
    asked = " ".join(f"a{number}: me {{ id }}" for number in range(fields))
    document = f"{{ {asked} }}{' ' * characters}"

    async def ask() -> httpx.Response:
        return await client.post("/graphql", json={"query": document}, headers=person.headers)

    refused = await ask()
    assert (refused.status_code, code_of(refused)) == (429, "RATE_LIMITED")
    wait = int(refused.headers["Retry-After"])
    details = refused.json()["errors"][0]["extensions"]["details"]
    assert details["retryAfterSeconds"] == wait
    # A unit comes back in 10 s. A long document is not read to find what it costs.
    assert wait == (400 if characters == 10_000 else fields * 10)
    site.clock.forward(wait - 1)
    if characters < 10_000:
        assert (await ask()).status_code == 429
    site.clock.forward(1)
    accepted = await ask()
    assert accepted.status_code == 200
    assert "errors" not in accepted.json()


async def test_a_document_that_was_read_without_budget_displaces_no_other(
    open_site: Open,
) -> None:
    site = await open_site(quota_signed_in=1)
    person, settings = await site.shop.person(), site.shop.process.settings
    documents = Documents(Limits.of(settings), explorable=True, executable_type=Executable)
    for query, kept in (("{ me { id } }", True), ("{ me { email } }", False)):
        asked = GraphQLRequest(query, {}, None, read_only=False, idempotency_key=None)
        said = await answer(documents, site.shop.request(person), asked)
        assert (said.refused_by is None) is kept
        assert (documents.kept(query) is not None) is kept


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("case", BAD_LOGINS)
async def test_a_login_with_a_bad_body_is_charged_as_an_attempt(
    open_site: Open, face: str, case: str
) -> None:
    site = await open_site(quota_login=2, quota_login_place=2, quota_login_seconds=200)
    door = await site.door(face)
    for _ in range(2):
        before = await site.anonymous()
        outcome = await door.call("auth.login", BAD_LOGINS[case])
        assert outcome.code == "VALIDATION_FAILED"
        assert before - await site.anonymous() == BY_NAME["auth.login"].cost
    async with site.shop.unchanged():
        refused = await door.call("auth.login", BAD_LOGINS[case])
    assert (refused.code, refused.status) == ("RATE_LIMITED", 429)
    assert refused.failure.details["policy"].startswith("login")
    assert refused.failure.details["retryAfterSeconds"] == 100
    assert refused.headers["Retry-After"] == "100"


@pytest.mark.parametrize("face", FACES)
async def test_a_spent_tight_budget_says_how_long_to_wait(open_site: Open, face: str) -> None:
    site = await open_site(quota_login=1, quota_mail=1, quota_mail_seconds=500)
    door = await site.door(face)
    login = {"email": "nobody@example.com", "password": PASSWORD}
    for operation, values, wait in (
        ("auth.login", login, 900),
        ("auth.requestPasswordReset", {"email": login["email"]}, 500),
    ):
        await door.call(operation, values)
        refused = await door.call(operation, values)
        assert (refused.code, refused.status) == ("RATE_LIMITED", 429)
        assert refused.failure.details["retryAfterSeconds"] == wait
        assert refused.headers["Retry-After"] == str(wait)
        site.clock.forward(wait)
        assert (await door.call(operation, values)).code != "RATE_LIMITED"


async def test_a_document_says_the_longest_wait_of_its_fields(open_site: Open) -> None:
    site = await open_site(quota_login=1, quota_mail=1, quota_mail_seconds=500)
    client = await site.client()
    login = 'login(input: {email: "nobody@example.com", password: "not-the-one"}) { tokenType }'
    reset = 'requestPasswordReset(input: {email: "nobody@example.com"}) { ok }'
    document = {"query": f"mutation {{ a: {reset} b: {reset} c: {login} d: {login} }}"}
    answer = await client.post("/graphql", json=document)
    codes = [error["extensions"]["code"] for error in answer.json()["errors"]]
    assert codes == ["RATE_LIMITED", "INVALID_CREDENTIALS", "RATE_LIMITED"]
    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "900")
    good = await client.post("/graphql", json={"query": "{ __typename }"})
    assert "Retry-After" not in good.headers
