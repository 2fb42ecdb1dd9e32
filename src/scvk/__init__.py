"""A virtual kubelet that runs the pods of a Kubernetes cluster as SaladCloud container groups."""

__version__ = "0.1.0"
