"""Cascade: a router and its specialists, the single model and the baselines beside it."""
