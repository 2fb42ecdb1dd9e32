"""SaladCloud on one machine: the REST API in memory, instances as local processes, logs and events.

Enter by `scvk.simulator.service` (`Simulator`, `serve`), `scvk.simulator.config` and `scvk.simulator.run`.

This file imports nothing on purpose: the launcher, a small process that is started once per simulator,
lives below this package and must not pay for a web framework.

The rooms:

- `clock`, `config`, `durations`, `options`, `problems`, `gpu_catalogue`, `image_catalogue`: values and seams.
- `pytest_plugin`, `background`: a simulator for other people's tests. `remote`: speaks to a running one.
- `cloud`: what the platform does with groups and instances, synchronous, driven by a clock's timers.
- `logs`: log entries, their bounded store and the query language.
- `runtime`: what runs a container: real processes or a script on a virtual clock.
- `launcher`: the process that owns every program and in whose death they all die.
- `api`: HTTP: routes, validation, keys, rate limit, faults, the control API.
- `programs`: small programs that stand in for well-known images.
"""
