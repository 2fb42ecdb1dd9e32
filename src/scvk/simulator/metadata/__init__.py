"""The instance metadata service (IMDS) that a program finds at http://169.254.169.254 inside its instance."""
