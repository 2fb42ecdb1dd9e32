"""Credentials, tokens and environment values never appear in a `repr`, nor in what rich displays."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from scvk.saladcloud.models import (
    AwsEcrAuthentication,
    AxiomSink,
    BasicAuthentication,
    Container,
    ContainerGroupPatch,
    ContainerLogging,
    CreateContainer,
    CreateContainerResources,
    DatadogSink,
    DockerHubAuthentication,
    GcpGarAuthentication,
    GcpGcrAuthentication,
    HttpSink,
    HttpSinkHeader,
    Model,
    NewRelicSink,
    ProbeHttpHeader,
    RegistryAuthentication,
    SplunkSink,
    UpdateContainer,
)
from scvk.saladcloud.models.secrets import secret_values

SECRET = "hunter2-hunter2"
CARRIERS = [
    RegistryAuthentication(basic=BasicAuthentication(username="me", password=SECRET)),
    RegistryAuthentication(docker_hub=DockerHubAuthentication(username="me", personal_access_token=SECRET)),
    RegistryAuthentication(aws_ecr=AwsEcrAuthentication(access_key_id="id", secret_access_key=SECRET)),
    RegistryAuthentication(gcp_gar=GcpGarAuthentication(service_key=SECRET)),
    RegistryAuthentication(gcp_gcr=GcpGcrAuthentication(service_key=SECRET)),
    ContainerLogging(axiom=AxiomSink(host="h", api_token=SECRET, dataset="d")),
    ContainerLogging(datadog=DatadogSink(host="h", api_key=SECRET)),
    ContainerLogging(new_relic=NewRelicSink(host="h", ingestion_key=SECRET)),
    ContainerLogging(splunk=SplunkSink(host="h", token=SECRET)),
    ContainerLogging(http=HttpSink(host="h", password=SECRET)),
    ContainerLogging(http=HttpSink(host="h", headers=(HttpSinkHeader(name="Authorization", value=SECRET),))),
    ProbeHttpHeader(name="Authorization", value=SECRET),
    Container(image="a", environment_variables={"PASSWORD": SECRET}),
    CreateContainer(
        image="a",
        resources=CreateContainerResources(cpu=1, memory=1024),
        environment_variables={"PASSWORD": SECRET},
    ),
    ContainerGroupPatch(container=UpdateContainer(environment_variables={"PASSWORD": SECRET})),
]


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda model: type(model).__name__)
def test_repr_shows_that_there_is_a_secret_and_not_which(carrier: Model) -> None:
    assert SECRET not in repr(carrier)
    assert "***" in repr(carrier)


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda model: type(model).__name__)
def test_rich_shows_no_secret_either(carrier: Model) -> None:
    screen = StringIO()
    Console(file=screen, width=300).print(carrier)
    assert SECRET not in screen.getvalue()


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda model: type(model).__name__)
def test_secrets_are_found_to_be_kept_out_of_other_texts(carrier: Model) -> None:
    assert SECRET in secret_values(carrier)


def test_names_of_variables_are_shown() -> None:
    assert "'PASSWORD': ***" in repr(Container(environment_variables={"PASSWORD": SECRET}))
