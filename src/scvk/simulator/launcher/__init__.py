"""The launcher: one small process that is the parent of every program the simulator runs.

Started once per simulator, standard library only, one thread. It does what only a parent can do well:

- create namespaces and start a program as PID 1 of its own (`isolation`), without a helper process per
  program;
- enter an instance's namespaces for `exec`, and open sockets inside its network namespace (`namespaces`, `service`);
- end everything when the simulator goes, however it goes: its control socket then reports end of file,
  which even
  SIGKILL cannot prevent. Should the launcher itself be killed, each program has asked the kernel for
  SIGKILL at the death of its parent (PR_SET_PDEATHSIG; reliable here because the parent has a single
  thread).

Messages are described in `wire`.
"""
