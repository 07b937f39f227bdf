"""Mail: the texts that Tandem sends to people, and how it sends them."""
