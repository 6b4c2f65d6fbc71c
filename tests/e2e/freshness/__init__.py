"""Do reads see what was committed before them? Writers, readers and what each may expect."""
