"""Enrich events with further columns: channel, device, place, mailing, page group."""
