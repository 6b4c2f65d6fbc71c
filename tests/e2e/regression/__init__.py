"""PostgreSQL's own regression suite, directly and through heimproxy."""
