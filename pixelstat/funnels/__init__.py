"""Chains of hits: what funnels count. EVENTS -> HITS of units -> CHAINS -> figures."""
