"""Whose event it is: visitors, stitching, pseudonyms, proxies, consent."""
