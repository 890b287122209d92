"""Questions that packages ask about traces of a compiler, which is not here."""
