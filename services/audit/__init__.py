"""The audit log: which caller did what to which thing, and proof that no entry was changed."""
