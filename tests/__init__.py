"""Tests of the whole house: every behaviour on three doors."""
