"""Which events count: reject, classify, deduplicate."""
