"""Pods as container groups: implements `scvk.kubelet.provider.Provider` on `scvk.saladcloud`."""
