"""What the end-to-end tests and the demo start, watch and stop. Standard library only."""
