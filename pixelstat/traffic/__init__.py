"""Decide which events count: detect bots and machines, reject, deduplicate.

A bot says what it is in its user agent (`bots`). A machine pretends to be a person: one request (`classify`) or a
series of hits (`behaviour`) gives it away. `rejection` sets both aside where an option asks for it.
"""
