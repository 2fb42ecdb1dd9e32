"""Container registries: manifests, configurations and layers of images. Knows neither cloud nor cluster."""
