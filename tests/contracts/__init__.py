"""The contracts in the hands of tools: generators, linters and other people's clients."""
