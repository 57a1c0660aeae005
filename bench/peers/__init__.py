"""Rivals: the same model on general runtimes, and behind the server that one would otherwise write."""
