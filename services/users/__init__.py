"""Users: accounts as their owners and as admins see them."""
