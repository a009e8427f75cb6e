"""What became of every job: history from announcements, the broker's own numbers, an API, a page, metrics."""
