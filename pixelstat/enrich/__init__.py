"""What else is known of an event: channel, device, place, mailing, page group."""
