"""Cut events into sessions, which users see as visits, and find the touches among them."""
