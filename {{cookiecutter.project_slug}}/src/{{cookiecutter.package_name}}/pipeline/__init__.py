"""Workflow Pipeline: steps over folders, each with a manifest."""
