"""Who is behind a hit: agents, identity, and whose hits do not count."""
