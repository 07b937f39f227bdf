"""What every operation stands on: wrapper, errors, caller, paging, money, settings."""
