# One image for proxy, capture and consumer; compose.yaml says which is which.
FROM python:3.11-slim AS build
WORKDIR /src
# The data path is compiled when the wheel is built (setup.py).
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml setup.py README.md ./
COPY wproxy wproxy
COPY capture capture
COPY consumer consumer
COPY admin admin
# Without pip and setuptools, which nobody needs in there.
RUN python -m venv --without-pip /opt/wproxy && pip --python /opt/wproxy/bin/python install --no-cache-dir .

FROM python:3.11-slim
# scapy compiles capture's kernel filter with libpcap; Debian renamed the package with 64-bit time.
RUN apt-get update \
    && (apt-get install -y --no-install-recommends libpcap0.8t64 || apt-get install -y --no-install-recommends libpcap0.8) \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home wproxy \
    # A new named volume takes the owner of the folder it covers.
    && install -d -o wproxy -g wproxy -m 750 /run/wproxy /var/lib/wproxy \
    && install -d -m 700 /var/spool/wproxy
COPY --from=build /opt/wproxy /opt/wproxy
COPY compose/haproxy.cfg /etc/wproxy/haproxy.cfg
COPY --chmod=755 compose/docker-entrypoint /usr/local/bin/docker-entrypoint
ENV PATH=/opt/wproxy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/wproxy \
    WPROXY_SOCKET=/run/wproxy/admin.sock
USER wproxy
# /usr/local/etc/haproxy/haproxy.cfg, where that is mounted, else /etc/wproxy/haproxy.cfg.
ENTRYPOINT ["docker-entrypoint"]
CMD ["wproxy"]
