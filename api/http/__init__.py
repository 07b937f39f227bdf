"""What stands around every HTTP call."""
