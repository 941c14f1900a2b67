"""Count conversion paths: EVENTS -> HITS of actors -> CHAINS -> figures by step."""
