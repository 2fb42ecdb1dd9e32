"""What containers wrote, from SaladCloud's log entries: `ContainerLogs` is the kubelet's `LogSource`."""
