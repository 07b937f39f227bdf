"""Tables, views and statements by noun; the database that runs them; its migrations."""
