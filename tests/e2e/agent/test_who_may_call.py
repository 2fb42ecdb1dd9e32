"""Who may call the kubelet's API, as the real API server decides it: every route, and every way to come."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from scvk.testbed import Testbed
from scvk.testbed.certificates import Authority, KeyPair
from tests.e2e.agent.log_reader import LogReader
from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import pod

READS = ("/containerLogs/{ns}/web/main", "/pods", "/runningpods/", "/configz", "/healthz")
COMMANDS = (
    "GET /exec/{ns}/web/main?command=ls&output=1",
    "POST /exec/{ns}/web/main?command=ls&output=1",
    "GET /exec/{ns}/web/{uid}/main?command=ls&output=1",
    "GET /attach/{ns}/web/main?output=1",
    "POST /attach/{ns}/web/main?output=1",
    "GET /portForward/{ns}/web",
    "POST /portForward/{ns}/web",
    "POST /run/{ns}/web/main?cmd=",
)
ROUTES = (*(f"GET {path}" for path in READS), *COMMANDS)


@dataclass
class Caller:
    """A way to come, and how reads and commands are answered; None: TLS itself ends in an alert.

    A command is let in with 400: it gets as far as being told that it asks for no streams, or has no words.
    """

    who: str
    pair: KeyPair | None = None
    token: str = ""
    reads: int | None = 403
    commands: int | None = 403


@pytest_asyncio.fixture
async def rights(stage: Stage) -> AsyncIterator[None]:
    """Accounts of the namespace: with all rights to the node, to read, to another node, and without any."""
    every = {"apiGroups": [""], "resources": ["nodes/proxy"]}
    rules = {
        "admin": {**every, "verbs": ["get", "create"], "resourceNames": [stage.node]},
        "reader": {**every, "verbs": ["get"]},
        "neighbour": {**every, "verbs": ["get", "create"], "resourceNames": ["another-node"]},
        "poor": {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]},
    }
    made: list[dict[str, Any]] = []
    for name, rule in rules.items():
        full = f"{stage.namespace}-{name}"
        subjects = [
            {"kind": "ServiceAccount", "name": name, "namespace": stage.namespace},
            {"kind": "User", "name": f"{stage.namespace}-{name}", "apiGroup": "rbac.authorization.k8s.io"},
        ]
        group = "rbac.authorization.k8s.io"
        made += [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": stage.namespace}},
            {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": full}, "rules": [rule]},
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": full},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": full},
                "subjects": subjects,
            },
        ]
    await stage.testbed.apply(yaml.safe_dump_all(made))
    yield
    names = [f"{stage.namespace}-{name}" for name in rules]
    await stage.testbed.kubectl("delete", "clusterrole,clusterrolebinding", *names, "--wait=false", check=False)


async def token(stage: Stage, account: str) -> str:
    return (await stage.kubectl("create", "token", account, "--duration=600s")).strip()


def expired(testbed: Testbed, valid: str) -> str:
    """Return a token as the API server would have made it an hour before: its own key signs it."""
    head, claims, _ = valid.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    for name in ("iat", "nbf", "exp"):
        decoded[name] -= 3600
    signed = f"{head}.{_base64(json.dumps(decoded).encode())}"
    key = load_pem_private_key((testbed.data / "pki" / "service-account.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    numbers = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_base64(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def certificate_of(kubeconfig: Path) -> KeyPair:
    user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
    return KeyPair(*(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))


def context(folder: Path, pair: KeyPair | None) -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if pair is not None:
        chain, key = folder / "caller.crt", folder / "caller.key"
        chain.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        made.load_cert_chain(chain, key)
    return made


async def callers(stage: Stage) -> list[Caller]:
    pki = stage.testbed.data / "pki"
    api_server = KeyPair((pki / "kubelet-client.crt").read_bytes(), (pki / "kubelet-client.key").read_bytes())
    serving = KeyPair((pki / "api-server.crt").read_bytes(), (pki / "api-server.key").read_bytes())
    reader = certificate_of(stage.testbed.user_kubeconfig(f"{stage.namespace}-reader"))
    nobody = certificate_of(stage.testbed.user_kubeconfig("nobody-special"))
    others = Authority("others", datetime.now(UTC))
    admin = await token(stage, "admin")
    return [
        Caller("no credentials", reads=401, commands=401),
        Caller("a certificate of another authority", others.client("admin", ["system:masters"]), reads=None),
        Caller("a serving certificate of the right authority", serving, reads=None),
        Caller("the API server", api_server, reads=200, commands=400),
        Caller("a right certificate without rights", nobody),
        Caller("a right certificate that may read", reader, reads=200),
        Caller("a token without rights", token=await token(stage, "poor")),
        Caller("a token with get nodes/proxy", token=await token(stage, "reader"), reads=200),
        Caller("a token with rights to another node", token=await token(stage, "neighbour")),
        Caller("a token with rights", token=admin, reads=200, commands=400),
        Caller("an expired token", token=expired(stage.testbed, admin), reads=401, commands=401),
        Caller("no token of anybody", token="nonsense", reads=401, commands=401),
    ]


async def url_of(stage: Stage) -> str:
    """Return where the API server calls the node."""
    status = (await stage.get("node", stage.node))["status"]
    address = next(each["address"] for each in status["addresses"] if each["type"] == "InternalIP")
    return f"https://{address}:{status['daemonEndpoints']['kubeletEndpoint']['Port']}"


async def test_every_route_asks_the_api_server_who_calls_and_whether_that_is_allowed(
    stage: Stage, rights: None, tmp_path: Path
) -> None:
    await stage.running_agent()
    await stage.apply(pod("web"))
    [web] = await stage.ready_pods(1)
    url = await url_of(stage)

    for caller in await callers(stage):
        headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
        async with httpx2.AsyncClient(
            base_url=url,
            verify=context(tmp_path, caller.pair),
            headers=headers,
            trust_env=False,
            timeout=20,
        ) as client:
            for route in ROUTES:
                method, path = route.format(ns=stage.namespace, uid=web["metadata"]["uid"]).split(" ")
                said = f"{caller.who}: {route}"
                if caller.reads is None:
                    with pytest.raises((httpx2.TransportError, ssl.SSLError)):
                        await client.request(method, path)
                    continue
                expected = caller.commands if route in COMMANDS else caller.reads
                answer = await client.request(method, path)
                assert answer.status_code == expected, f"{said}: {answer.status_code} {answer.text}"


async def test_a_new_client_authority_of_the_cluster_is_known_soon_and_ends_no_connection(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.running_agent()
    await stage.apply(pod("web"))
    await stage.ready_pods(1)
    url = await url_of(stage)
    another = Authority("another", datetime.now(UTC))
    published = stage.testbed.ca_certificate
    before = published.read_bytes()
    reader = await LogReader.start(stage, "-f", "web")
    reading = asyncio.create_task(reader.read())

    async def known() -> bool:
        pair = another.client("somebody")
        async with httpx2.AsyncClient(base_url=url, verify=context(tmp_path, pair), trust_env=False) as client:
            try:
                return (await client.get("/pods")).status_code == 403
            except (httpx2.TransportError, ssl.SSLError):
                return False

    async def follows() -> bool:
        return bool(reader.lines)

    try:
        await until("a follower reads", follows)
        assert not await known()
        published.write_bytes(before + another.pair.certificate)
        await until("who has a certificate of the new authority is known", known, within=90)
        assert reader.process.returncode is None
    finally:
        published.write_bytes(before)
        await reader.stop()
        await reading


async def test_a_right_that_is_taken_away_ends_within_half_a_minute(stage: Stage, rights: None, tmp_path: Path) -> None:
    await stage.running_agent()
    url = await url_of(stage)
    headers = {"Authorization": f"Bearer {await token(stage, 'reader')}"}
    async with httpx2.AsyncClient(
        base_url=url, verify=context(tmp_path, None), headers=headers, trust_env=False
    ) as client:
        assert (await client.get("/pods")).status_code == 200
        await stage.testbed.kubectl("delete", "clusterrolebinding", f"{stage.namespace}-reader")

        async def refused() -> bool:
            return (await client.get("/pods")).status_code == 403

        await until("the right has ended", refused, within=40)
