"""Users: callers manage their own account; admins manage every account."""
