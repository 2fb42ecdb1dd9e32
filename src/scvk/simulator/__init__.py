"""SaladCloud on one machine: the REST API in memory, instances as local processes, logs and events."""
