"""Dispatch by table: the fast way beside FastAPI's router."""
