"""The composition root of one node: settings in, a running virtual kubelet out."""
