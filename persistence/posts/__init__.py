"""Posts, their likes, views and scores."""
