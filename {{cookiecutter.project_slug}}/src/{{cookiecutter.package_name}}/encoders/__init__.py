"""Transform and Multimodal Input: raw columns to numbers, fitted once and kept."""
