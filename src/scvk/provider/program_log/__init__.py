"""What programs write, read from SaladCloud's log entries: for `kubectl logs`."""
