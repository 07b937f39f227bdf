"""Users: the caller's own account, other people, and what admins do."""
