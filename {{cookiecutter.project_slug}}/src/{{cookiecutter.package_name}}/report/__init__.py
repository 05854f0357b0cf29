"""Report: one page on what a run decided, to be read anywhere and kept for as long as you like."""
