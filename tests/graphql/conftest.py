"""Fixtures of the GraphQL tests."""

from tests.sites import open_site  # noqa: F401 - pytest finds its fixtures here
