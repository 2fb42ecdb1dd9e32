"""`python -m scvk`: the same program as the console scripts."""

from scvk.cli import main

main()
