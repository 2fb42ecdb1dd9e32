"""The page docs/annotations.md, generated from the list of annotations."""

from __future__ import annotations

from scvk.provider.annotations import ANNOTATIONS, ANSWERS


def render_annotations_page() -> str:
    """Return `docs/annotations.md`: a page in Markdown that ends with a line break."""
    rows = "\n".join(
        f"| `{annotation.key}` | {annotation.values} | {annotation.meaning} | {annotation.default} |"
        for annotation in ANNOTATIONS
    )
    answers = "\n".join(
        f"| `{annotation.key}` | {annotation.values} | {annotation.meaning} | {annotation.default} |"
        for annotation in ANSWERS
    )
    return _PAGE.format(rows=rows, answers=answers)


_PAGE = """\
# Annotations

<!-- Generated from src/scvk/provider/annotations.py and log_sinks.py: change it there. -->

What SaladCloud needs to know and Kubernetes has no field for stands in annotations of the **pod**. In a Deployment,
Job or StatefulSet that is the pod template (`spec.template.metadata.annotations`): annotations of the workload
itself reach no pod and have no effect.

```yaml
spec:
  template:
    metadata:
      annotations:
        salad.com/gpu-classes: "RTX 4090 (24 GB), RTX 3090 (24 GB)"
        salad.com/country-codes: "us, ca"
        salad.com/networking-port: "8080"
```

| annotation | values | meaning | without it |
|---|---|---|---|
{rows}

- Each may also stand on the **Namespace**, as a default for its pods. A pod's own annotation counts before it, also an
  empty one: `salad.com/gpu-classes: ""` is a pod without a GPU.
- Values are strings: write numbers and `true` or `false` in quotes.
- Lists may have spaces around their commas, and upper and lower case are alike.
- A value that is not allowed, or half of a group of settings (a networking setting without a port, a sink without its
  credentials), keeps the pod Pending with a reason that names the annotation: a group that is wrong costs money too.
- A `salad.com/` annotation that is not in this list is reported on the pod with the nearest one that is.
- Annotations under `scvk.salad.com/` are the virtual kubelet's own notes: leave them alone.

## What the virtual kubelet writes

| annotation | values | meaning | not there while |
|---|---|---|---|
{answers}

A Service cannot point at the gateway, which tells pods apart by the name in the URL. `kubectl get pod web --output
jsonpath='{{.metadata.annotations.salad\\.com/gateway-url}}'` prints it.
"""
