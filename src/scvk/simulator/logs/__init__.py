"""Log entries: from bytes to entries, the bounded store, and the query language."""
