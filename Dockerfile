# The image runs against PostgreSQL and Redis given by DATABASE_URL and REDIS_URL; it holds neither.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements/bootstrap.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt
# Wheels only: a compiler is never needed, here or in the final stage.
RUN export UV_PYTHON_DOWNLOADS=never \
    && /opt/uv/bin/uv venv --python "$(command -v python)" /app/.venv \
    && /opt/uv/bin/uv pip sync --compile-bytecode --only-binary :all: --require-hashes \
        --python /app/.venv/bin/python requirements/runtime.txt

FROM python:3.13-slim
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY LICENSE pyproject.toml ./
COPY persistence persistence
COPY services services
COPY schema schema
COPY api api
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 TANDEM_ENVIRONMENT=production
# A number needs no entry in /etc/passwd, and lets an orchestrator see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "api.cli"]
CMD ["serve", "--host", "0.0.0.0"]
