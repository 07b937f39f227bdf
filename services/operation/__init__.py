"""The wrapper: how an operation is declared, and the steps that every call of it goes through."""
