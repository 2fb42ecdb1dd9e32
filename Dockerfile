# The agent as a container image: `make build-image`. The first stage builds, the second has only what runs.
#
# Reproducible: the base by its release, dependencies by uv.lock with their hashes, byte code checked by content and not
# by time, and no file that says when it was built.
ARG PYTHON=docker.io/library/python:3.13.9-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
ENV UV_PROJECT_ENVIRONMENT=/opt/scvk
ENV UV_PYTHON_DOWNLOADS=never
ENV UV_LINK_MODE=copy
RUN python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore uv==0.13.9
# Dependencies first: they change more rarely than the program.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN python3 -m uv sync --quiet --locked --no-dev --no-install-project --no-cache --python "$(command -v python3)"
COPY src src
RUN python3 -m uv sync --quiet --locked --no-dev --no-editable --no-cache --python "$(command -v python3)" \
    && find /opt/scvk -name __pycache__ -prune -exec rm -rf {} + \
    && /opt/scvk/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/scvk/lib

FROM ${PYTHON}
LABEL org.opencontainers.image.title="virtual-kubelet-saladcloud" \
      org.opencontainers.image.description="A virtual kubelet: runs the pods of a Kubernetes cluster as SaladCloud container groups." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/scvk /opt/scvk
ENV PATH=/opt/scvk/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/opt/scvk/bin/scvk"]
CMD ["run"]
