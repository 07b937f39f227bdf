"""The faces against each other."""
