"""Stateless Serving Function: raw rows in, answers out."""
