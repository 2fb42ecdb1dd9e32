"""Images of the simulator: what a catalogue says of a name, what a registry has, and roots to run them in.

- `image`: what running an image needs.
- `catalogue_file`: entries from YAML, the built-in ones and a user's.
- `busybox_root`: Debian's static busybox as a root of its own.
- `logins`, `pulling`: images from registries, with the group's login, unpacked into a cache.
"""
