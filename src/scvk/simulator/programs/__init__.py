"""Small programs that stand in for well-known images: they run inside instances, without scvk."""
