"""Decide which events count: detect bots and machines, reject, deduplicate.

A machine sends hits that are nobody's act. A bot is a machine that says so in its user agent (`bots`). Others show by
one request (`classify`), by their network (`networks`) or by a series of hits (`behaviour`). `rejection` sets bots
aside unless --bots says otherwise, and other machines with --machines exclude. `deduplication` finds copies of a hit.
"""
