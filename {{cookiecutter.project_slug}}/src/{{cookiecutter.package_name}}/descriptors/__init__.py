"""Data Drift: what values are like, in a few numbers of each."""
