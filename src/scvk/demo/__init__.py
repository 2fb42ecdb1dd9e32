"""The demo: test control plane, simulator and agent together, with the walkthrough's Deployment."""
