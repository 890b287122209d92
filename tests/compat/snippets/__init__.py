"""Snippets of programs, run by PyTorch and by facula: what each statement shows, and what it raises."""
