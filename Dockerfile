# The image holds no servers: DATABASE_URL and REDIS_URL name PostgreSQL and Redis.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements/bootstrap.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt
# Only wheels are installed, so neither stage needs a compiler.
RUN export UV_PYTHON_DOWNLOADS=never \
    && /opt/uv/bin/uv venv --python "$(command -v python)" /app/.venv \
    && /opt/uv/bin/uv pip sync --compile-bytecode --only-binary :all: --require-hashes \
        --python /app/.venv/bin/python requirements/runtime.txt

# The packages that pages show; npm comes from a wheel.
FROM python:3.13-slim AS pages
WORKDIR /app
COPY requirements/bootstrap.txt requirements/node.txt requirements/
COPY scripts/setup scripts/
COPY api/pages/package.json api/pages/package-lock.json api/pages/
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
    && ./scripts/setup pages

FROM python:3.13-slim
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY LICENSE pyproject.toml ./
COPY persistence persistence
COPY services services
COPY schema schema
COPY api api
COPY --from=pages /app/api/pages/vendor api/pages/vendor
# The image's user cannot write here, so every start would compile the code again.
RUN .venv/bin/python -m compileall -q persistence services schema api
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 TANDEM_ENVIRONMENT=production
# Uploads and pictures, unless TANDEM_FILES_URL names another store. A new volume takes its mode.
RUN install -d -m 1777 /app/files
ENV TANDEM_FILES_URL=file:/app/files
# A numeric user needs no entry in /etc/passwd, and an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "api.cli"]
CMD ["serve", "--host", "0.0.0.0"]
