"""Every option of the agent in one place: flag, environment variable, default, and what it means."""
