"""Fixtures of the parity tests."""

from tests.sites import open_site, site  # noqa: F401 - pytest finds its fixtures here
