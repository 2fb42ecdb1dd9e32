"""What `scvk translate --kubeconfig` reads from a cluster: only what pods refer to and the manifests do not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, ServiceAccount

from scvk.agent import USER_AGENT, AgentError, kubernetes_config
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterForbidden, ObjectNotFound
from scvk.kubelet.input_objects import ObjectKey, UnreadableObjectError, config_map_contents, secret_contents
from scvk.kubelet.resolution import needed_objects
from scvk.provider.manifests import Manifests, Workload
from scvk.provider.manifests.objects import Place, account_place, namespace_place
from scvk.provider.preview.preview import admitted
from scvk.provider.translate.run_plan import plan
from scvk.provider.translate.settings import with_defaults

_ObjectT = TypeVar("_ObjectT", Namespace, ServiceAccount, Secret, ConfigMap)


async def complete_from_cluster(manifests: Manifests, kubeconfig: str, ignored_containers: Sequence[str]) -> None:
    """Add to `manifests` what the cluster has of what its workloads refer to, by reading single objects.

    What is not there, or may not be read, stays out. Raises AgentError and ClusterError.
    """
    try:
        cluster = Cluster.connect(kubernetes_config(kubeconfig), user_agent=USER_AGENT)
    except (OSError, ValueError, TypeError, ConfigError) as error:
        raise AgentError(f"the kubeconfig's certificates or credentials cannot be used: {error}") from error
    try:
        await complete(manifests, cluster, ignored_containers)
    finally:
        await cluster.aclose()


async def complete(manifests: Manifests, cluster: Cluster, ignored_containers: Sequence[str]) -> None:
    """Do so by an open connection. Costs one request for each object that is lacking. Raises ClusterError."""
    for workload in manifests.workloads:
        await _complete(workload, manifests, cluster, ignored_containers)


async def _complete(workload: Workload, manifests: Manifests, cluster: Cluster, ignored: Sequence[str]) -> None:
    namespace, account = namespace_place(workload), account_place(workload)
    if namespace not in manifests.namespaces:
        found = await _read(cluster, Namespace, namespace.name, None)
        manifests.namespaces[namespace] = found or Namespace()
    if account not in manifests.service_accounts:
        manifests.service_accounts[account] = (
            await _read(cluster, ServiceAccount, account.name, account.namespace) or ServiceAccount()
        )
    pod = admitted(workload.pod, manifests.service_accounts[account])
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    annotations = with_defaults(own, manifests.namespace_annotations(workload))
    for key in needed_objects(pod, plan(pod, annotations, ignored).needs):
        if key.can_exist:
            await _add(key, Place(workload.namespace, key.name), manifests, cluster)


async def _add(key: ObjectKey, place: Place, manifests: Manifests, cluster: Cluster) -> None:
    try:
        if key.kind == "Secret" and place not in manifests.secrets:
            secret = await _read(cluster, Secret, place.name, place.namespace)
            if secret is not None:
                manifests.secrets[place] = secret_contents(secret)
        if key.kind == "ConfigMap" and place not in manifests.config_maps:
            config_map = await _read(cluster, ConfigMap, place.name, place.namespace)
            if config_map is not None:
                manifests.config_maps[place] = config_map_contents(config_map)
    except UnreadableObjectError as error:
        raise AgentError(f"in the cluster: {error}") from error


async def _read(cluster: Cluster, kind: type[_ObjectT], name: str, namespace: str | None) -> _ObjectT | None:
    try:
        return await cluster.get(kind, name, namespace=namespace)
    except ObjectNotFound:
        return None
    except ClusterForbidden as error:
        if error.status == 401:
            raise
        return None
