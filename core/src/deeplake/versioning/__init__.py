"""Versions: refs, commits, piece tables, and the session that is the only writer."""
