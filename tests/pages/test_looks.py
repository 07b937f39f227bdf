"""Every page in both schemes, on a telephone and on a desk."""

from typing import Any

import pytest

from tests.pages.conftest import Open

pytestmark = pytest.mark.thorough

PAGES = ("/", "/docs", "/errors", "/errors/OUT_OF_STOCK")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_keeps_the_rules_in_every_look(
    open_page: Open, look_at: dict[str, Any], path: str
) -> None:
    look = await open_page(path, **look_at)
    await look.check()
