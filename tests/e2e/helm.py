"""Real Helm, and the agent started as a rendered Deployment says: no machine runs pods beside the control plane."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scvk.testbed.add_ons import helm
from scvk.testbed.build import build_program
from tests.e2e.processes import Program
from tests.e2e.stage import Stage

CHART = Path(__file__).resolve().parents[2] / "charts" / "virtual-kubelet"


class HelmFailed(Exception):
    """Helm refused; the text is what it wrote to standard error."""


@dataclass(frozen=True)
class Helm:
    """Helm with the administrator's kubeconfig, or without any cluster."""

    folder: Path
    kubeconfig: Path | None = None

    async def __call__(self, *words: str, values: dict[str, Any] | None = None) -> str:
        """Run it; `values` become a file. Return its output; raises HelmFailed."""
        built = await build_program(helm())
        if values is not None:
            file = self.folder / "values.yaml"
            file.write_text(yaml.safe_dump(values), encoding="utf-8")
            words = (*words, "--values", str(file))
        environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "KUBECONFIG": str(self.kubeconfig or "")}
        process = await asyncio.create_subprocess_exec(
            built.path("helm"),
            *words,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise HelmFailed(err.decode())
        return out.decode()

    async def template(self, values: dict[str, Any], *, release: str = "sce", namespace: str = "sce") -> list[Any]:
        """Return the objects that the chart renders for these values."""
        text = await self("template", release, str(CHART), "--namespace", namespace, values=values)
        return [each for each in yaml.safe_load_all(text) if each]


def only(objects: list[Any], kind: str) -> Any:
    """Return the one object of a kind."""
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


async def deployed_agent(stage: Stage, deployment: str, token: Path) -> Program:
    """Return the agent as the Deployment in the stage's namespace has it: arguments, variables, and mounted Secrets.

    `token` is the kubeconfig of the Deployment's service account. Of the variables only those are left out that come
    from the pod's status, and paths below a mount are those of the copies.
    """
    spec = (await stage.get("deployment", deployment))["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    places = {}
    for mount in container["volumeMounts"]:
        secret = await stage.get("secret", volumes[mount["name"]]["secret"]["secretName"])
        place = stage.folder / f"mounted-{mount['name']}"
        place.mkdir(exist_ok=True)
        for name, value in secret["data"].items():
            (place / name).write_bytes(base64.b64decode(value))
        places[mount["mountPath"]] = str(place)
    environment = {"KUBECONFIG": str(token), "SALAD_VK_KUBELET_PORT": "0"}
    for variable in container["env"]:
        if "value" in variable:
            value = variable["value"]
            for path, place_of in places.items():
                value = value.replace(path, place_of)
            environment[variable["name"]] = value
    program = Program(tuple(container["args"]), stage.folder / f"agent-{len(stage.agents)}.log", environment)
    stage.agents.append(program)
    return program


def without_marks(manifest: Any) -> Any:
    """Return an object without what every object of a release has: labels."""
    copy = json.loads(json.dumps(manifest))
    copy["metadata"].pop("labels", None)
    return copy
