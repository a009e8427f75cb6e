"""What became of every job: history from events, the broker's own numbers, an API, a page, metrics."""
