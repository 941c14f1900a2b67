"""Provide what several reports are made of: orders, time series, rankings, breakdowns, intervals."""
