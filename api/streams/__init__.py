"""Event streams on the wire: server-sent events, and GraphQL over WebSockets."""
