"""A real Kubernetes control plane on one machine, for the demo and the end-to-end tests."""
