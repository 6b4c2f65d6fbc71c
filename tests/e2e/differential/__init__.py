"""Random sessions, run directly and through heimproxy, compared message by message."""
