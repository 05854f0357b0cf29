"""Continued Model Evaluation: whether what the model is asked, and how it answers, is still what it was made for."""
