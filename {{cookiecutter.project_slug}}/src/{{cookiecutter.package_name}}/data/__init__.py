"""Raw tables: where they come from, what they must hold, and how they are split."""
