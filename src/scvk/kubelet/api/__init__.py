"""The kubelet's HTTPS API: what the API server dials for logs, exec, attach, port-forward and metrics."""
