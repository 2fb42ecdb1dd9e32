"""What runs a container: the contract, real processes, and scripted ones for a virtual clock."""
