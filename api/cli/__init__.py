"""The `tandem` command and the commands of the checkout."""
