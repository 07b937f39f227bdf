"""Access: who calls, how Tandem knows that, and what they may do."""
