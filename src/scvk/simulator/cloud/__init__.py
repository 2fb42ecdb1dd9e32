"""What the platform does with container groups and their instances.

Synchronous throughout: requests come in as method calls, everything later as a clock's callbacks and a
runtime's events. So the same code runs in real time with processes and on a virtual clock with scripts.

- `platform`: organizations, projects, quotas; where requests arrive.
- `group`, `instance`: the two state machines. `means`: what they work with, `mishaps` among it.
- `figures`: what an instance uses, once a minute.
- `probing`: thresholds and schedule of an instance's probes.
- `exits`: what follows an exit. `events`: the vocabulary. `journal`: writes events and output to the log
  store.
- `definition`: what a request asks for; `merging`: how a patch changes it; `rendering`: the answers.
"""
