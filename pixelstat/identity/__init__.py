"""Find out whose event it is, and whether they consent: visitors, stitching, pseudonyms, proxies, consent."""
