# The service as an image: pages built with Node, a virtual environment, a user without rights.

FROM node:22.12.0-bookworm-slim AS pages
WORKDIR /src/dashboards/web
COPY dashboards/web/package.json dashboards/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboards/web ./
RUN npm run build

FROM python:3.11.11-slim-bookworm AS packages
WORKDIR /src
RUN python -m venv /opt/bioline
COPY pyproject.toml README.md LICENSE ./
COPY twin twin
COPY connectors connectors
COPY simulators simulators
COPY dashboards dashboards
COPY seeds seeds
COPY --from=pages /src/dashboards/static dashboards/static
RUN /opt/bioline/bin/pip install --no-cache-dir '.[report]'

FROM python:3.11.11-slim-bookworm
RUN groupadd --gid 10001 bioline \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin bioline \
    && install -d -o bioline -g bioline /data
COPY --from=packages /opt/bioline /opt/bioline
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/tmp/numba \
    TWIN_DATA_DIR=/data TWIN_HOST=0.0.0.0 TWIN_PORT=8800
USER 10001:10001
VOLUME /data
EXPOSE 8800
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["/opt/bioline/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8800/livez', timeout=3)"]
ENTRYPOINT ["/opt/bioline/bin/twin"]
CMD ["run", "/etc/bioline/line.yaml"]
