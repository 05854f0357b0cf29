"""Feature Store: what was known about an entity, and when."""
