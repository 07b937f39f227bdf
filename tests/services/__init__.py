"""Operations, each behaviour on every door."""
