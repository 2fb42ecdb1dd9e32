"""Pod in, create request out: a pure function, and a word for every field that is not carried over.

`translation` goes through a pod from top to bottom; each concern has a module of its own. `pod_fields`,
`container_fields`, `security` and `probes` hold the tables that say what becomes of every field.
"""

from __future__ import annotations

from scvk.provider.translate.finding import Finding, Outcome
from scvk.provider.translate.translation import Translation, translate

__all__ = ["Finding", "Outcome", "Translation", "translate"]
