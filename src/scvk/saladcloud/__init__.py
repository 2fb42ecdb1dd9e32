"""SaladCloud's API: typed models, errors, request budget and REST client. Knows nothing of Kubernetes."""
