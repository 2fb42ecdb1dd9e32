"""What a pod becomes, with everything that must be read for it: its inputs, and the image's configuration.

The thin shell around `translate`: it reads what the translation says it needs, and nothing for a pod that is not run
anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.inputs import InputNeeds, InputSource, PodInputs
from scvk.kubelet.provider import TemporaryProviderError
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.image_configs import ImageConfigs, Known, NotKnown, UnderWay
from scvk.provider.ownership import PodMark
from scvk.provider.translate import Finding, Outcome, Translation, translate
from scvk.provider.translate.daemon_sets import daemon_set_owner
from scvk.provider.translate.policy import Policy
from scvk.provider.translate.run_plan import RunPlan, plan
from scvk.provider.translate.settings import with_defaults
from scvk.provider.translate.translation import registry_logins

PATIENCE_S = 2.0
"""How long the work on a pod waits for a registry; then it goes on with other pods and comes back."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the pod becomes. `runs` names the containers that run, the main one first.

    `versions` are those of the objects that it is made of; see `PodInputs`.
    """

    translation: Translation
    runs: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageUnderWay:
    """The registry is being asked: come back in a moment."""


class Preparation:
    """Translates pods with the operator's policy."""

    def __init__(self, images: ImageConfigs, policy: Policy) -> None:
        self._images = images
        self._policy = policy

    @property
    def policy(self) -> Policy:
        """What the operator decided."""
        return self._policy

    async def prepare(
        self, pod: Pod, source: InputSource, mark: PodMark, catalogue: GpuCatalogue
    ) -> Prepared | ImageUnderWay:
        """Return what the pod becomes. Raises MissingInput, and TemporaryProviderError where nothing is certain.

        A registry is asked only where the translation says so, and remembered; see `ImageConfigs`.
        """
        if daemon_set_owner(pod) is not None and not self._policy.run_daemonsets:
            return Prepared(translate(pod, PodInputs(), mark, catalogue, policy=self._policy))
        defaults = await source.namespace_annotations(pod)
        chosen = self._plan(pod, defaults)
        runs = _names(chosen)
        # Nothing secret is read for a pod that cannot run whatever there is.
        inputs = PodInputs() if chosen.refused else await source.inputs(pod, chosen.needs)
        found = translate(pod, inputs, mark, catalogue, policy=self._policy, namespace_annotations=defaults)
        if not found.needs_image:
            return Prepared(found, runs, inputs.versions)
        reference, logins = registry_logins(pod, inputs, policy=self._policy, namespace_annotations=defaults)
        if reference is None or chosen.main is None:
            return Prepared(found, runs, inputs.versions)  # refused already: the name is none
        match await self._images.look_up(reference, logins, patience_s=PATIENCE_S):
            case Known(config):
                again = translate(
                    pod, inputs, mark, catalogue, policy=self._policy, image=config, namespace_annotations=defaults
                )
                return Prepared(again, runs, inputs.versions)
            case NotKnown(reason_code, reason):
                return Prepared(_without_image(found, chosen.main.path, reason_code, reason), runs)
            case UnderWay():
                return ImageUnderWay()

    async def runs(self, pod: Pod, source: InputSource) -> tuple[str, ...]:
        """Return which containers run of a pod whose group is there already: as far as can be told now."""
        try:
            defaults: Mapping[str, str] = await source.namespace_annotations(pod)
        except TemporaryProviderError:
            defaults = {}
        return _names(self._plan(pod, defaults))

    async def named_secrets(self, pod: Pod, source: InputSource) -> PodInputs:
        """Return the Secrets that settings of the pod name, and its pull secrets. Raises as `prepare` does."""
        needs = self._plan(pod, await source.namespace_annotations(pod)).needs
        return await source.inputs(pod, InputNeeds((), needs.secrets))

    def _plan(self, pod: Pod, defaults: Mapping[str, str]) -> RunPlan:
        own = (pod.metadata.annotations if pod.metadata else None) or {}
        return plan(pod, with_defaults(own, defaults), self._policy.ignored_containers)


def _names(chosen: RunPlan) -> tuple[str, ...]:
    return (*((chosen.main.name,) if chosen.main else ()), *(each.name for each in chosen.init))


def _without_image(found: Translation, path: str, reason_code: str, reason: str) -> Translation:
    finding = Finding(
        Outcome.REFUSED,
        f"{path}.image",
        f"What the image runs has to be known, and its registry does not tell: {reason}. Write the program into"
        " command, or give access to the image",
        reason_code,
    )
    return replace(found, findings=(*found.findings, finding), needs_image=False)
