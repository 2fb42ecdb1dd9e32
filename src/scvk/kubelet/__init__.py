"""What every kubelet does: node, lease, pod watch, sync loop, events. Knows nothing of any cloud.

What talks to a cloud belongs to a provider (`scvk.kubelet.provider` is the seam), never here.
"""
