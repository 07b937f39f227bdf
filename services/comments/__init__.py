"""Comments on posts, and answers to them."""
