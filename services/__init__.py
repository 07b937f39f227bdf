"""The operations: rules and transactions, called by both faces."""
