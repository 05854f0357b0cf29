"""From raw rows to answers: each folder is a pattern of machine-learning operations."""
