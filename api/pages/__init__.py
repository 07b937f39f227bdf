"""Pages for people: the explorer, GraphiQL, the reference, the errors and the operators' page."""
