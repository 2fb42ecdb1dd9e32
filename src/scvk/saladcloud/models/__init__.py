"""SaladCloud's values: typed models of the OpenAPI document, and the document itself as package data.

Read `base` for what tolerant reading means, `bodies` for what is sent, `document` for what is checked.
"""

from __future__ import annotations

from scvk.saladcloud.models.base import (
    Model,
)
from scvk.saladcloud.models.bodies import (
    body_of,
)
from scvk.saladcloud.models.catalogue import (
    ContainerGroupsQuotas,
    CpuAvailability,
    CpuAvailabilityPrototype,
    GpuAvailability,
    GpuAvailabilityPrototype,
    GpuClass,
    GpuClassesList,
    GpuClassPrice,
    Quotas,
)
from scvk.saladcloud.models.container_groups import (
    MAX_LISTED_GROUPS,
    ContainerGroup,
    ContainerGroupCollection,
    ContainerGroupPatch,
    ContainerGroupPrototype,
    ContainerGroupState,
    GroupStatus,
    InstanceStatusCounts,
    RestartPolicy,
)
from scvk.saladcloud.models.containers import (
    Container,
    ContainerResources,
    CreateContainer,
    CreateContainerResources,
    Priority,
    UpdateContainer,
    UpdateContainerResources,
)
from scvk.saladcloud.models.document import (
    Document,
    Operation,
    document,
    violations,
)
from scvk.saladcloud.models.instances import (
    ContainerGroupInstance,
    ContainerGroupInstanceCollection,
    ContainerGroupInstancePatch,
    InstanceState,
)
from scvk.saladcloud.models.log_sinks import (
    AxiomSink,
    ContainerLogging,
    DatadogSink,
    DatadogTag,
    HttpSink,
    HttpSinkCompression,
    HttpSinkFormat,
    HttpSinkHeader,
    NewRelicSink,
    SplunkSink,
    TcpSink,
)
from scvk.saladcloud.models.logs import (
    MAX_LOG_PAGE_SIZE,
    MAX_LOG_QUERY_LENGTH,
    MAX_SYSTEM_LOGS,
    LogEntry,
    LogEntryCollection,
    LogEntryQuery,
    LogEntryResource,
    ResourceType,
    SortOrder,
    SystemLog,
    SystemLogList,
)
from scvk.saladcloud.models.networking import (
    ContainerGroupNetworking,
    CreateContainerGroupNetworking,
    LoadBalancer,
    NetworkingProtocol,
    UpdateContainerGroupNetworking,
)
from scvk.saladcloud.models.packaged_classes import (
    PackagedClass,
    packaged_classes,
)
from scvk.saladcloud.models.probes import (
    Probe,
    ProbeExec,
    ProbeGrpc,
    ProbeHttp,
    ProbeHttpHeader,
    ProbeScheme,
    ProbeTcp,
)
from scvk.saladcloud.models.problem import (
    ProblemDetails,
)
from scvk.saladcloud.models.registry_authentication import (
    AwsEcrAuthentication,
    BasicAuthentication,
    DockerHubAuthentication,
    GcpGarAuthentication,
    GcpGcrAuthentication,
    RegistryAuthentication,
)
from scvk.saladcloud.models.scaling import (
    QueueAutoscaler,
    QueueConnection,
    ScalingAction,
)
from scvk.saladcloud.models.violations import (
    Violation,
)

__all__ = [
    "MAX_LISTED_GROUPS",
    "MAX_LOG_PAGE_SIZE",
    "MAX_LOG_QUERY_LENGTH",
    "MAX_SYSTEM_LOGS",
    "AwsEcrAuthentication",
    "AxiomSink",
    "BasicAuthentication",
    "Container",
    "ContainerGroup",
    "ContainerGroupCollection",
    "ContainerGroupInstance",
    "ContainerGroupInstanceCollection",
    "ContainerGroupInstancePatch",
    "ContainerGroupNetworking",
    "ContainerGroupPatch",
    "ContainerGroupPrototype",
    "ContainerGroupState",
    "ContainerGroupsQuotas",
    "ContainerLogging",
    "ContainerResources",
    "CpuAvailability",
    "CpuAvailabilityPrototype",
    "CreateContainer",
    "CreateContainerGroupNetworking",
    "CreateContainerResources",
    "DatadogSink",
    "DatadogTag",
    "DockerHubAuthentication",
    "Document",
    "GcpGarAuthentication",
    "GcpGcrAuthentication",
    "GpuAvailability",
    "GpuAvailabilityPrototype",
    "GpuClass",
    "GpuClassPrice",
    "GpuClassesList",
    "GroupStatus",
    "HttpSink",
    "HttpSinkCompression",
    "HttpSinkFormat",
    "HttpSinkHeader",
    "InstanceState",
    "InstanceStatusCounts",
    "LoadBalancer",
    "LogEntry",
    "LogEntryCollection",
    "LogEntryQuery",
    "LogEntryResource",
    "Model",
    "NetworkingProtocol",
    "NewRelicSink",
    "Operation",
    "PackagedClass",
    "Priority",
    "Probe",
    "ProbeExec",
    "ProbeGrpc",
    "ProbeHttp",
    "ProbeHttpHeader",
    "ProbeScheme",
    "ProbeTcp",
    "ProblemDetails",
    "QueueAutoscaler",
    "QueueConnection",
    "Quotas",
    "RegistryAuthentication",
    "ResourceType",
    "RestartPolicy",
    "ScalingAction",
    "SortOrder",
    "SplunkSink",
    "SystemLog",
    "SystemLogList",
    "TcpSink",
    "UpdateContainer",
    "UpdateContainerGroupNetworking",
    "UpdateContainerResources",
    "Violation",
    "body_of",
    "document",
    "packaged_classes",
    "violations",
]
