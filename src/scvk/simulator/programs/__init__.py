"""Small programs that stand in for well-known images. They run inside instances and import nothing of scvk."""
