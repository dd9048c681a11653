# The image has what `cmake --install` puts in place and the libraries it needs, and runs as nobody in particular.
#
#   docker build -t sipweir .                         the unit tests run while it builds
#   docker build -t sipweir --build-arg TESTS=all .   all of ./dev test, which takes long
#
# How to run it: docs/running.md.

FROM debian:bookworm-slim AS build
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc cmake ninja-build pkg-config libc6-dev libevent-dev libosip2-dev \
        libconfig-dev libc-ares-dev libssl-dev libcmocka-dev ca-certificates && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake -S . -B build -G Ninja -DCMAKE_INSTALL_PREFIX=/usr && cmake --build build
ARG TESTS=unit
RUN case "$TESTS" in \
        unit) ctest --test-dir build -L unit -j 2 --output-on-failure ;; \
        all) ./dev test ;; \
        none) ;; \
        *) echo "TESTS is unit, all or none, not $TESTS" >&2; exit 2 ;; \
    esac
RUN DESTDIR=/image cmake --install build --strip

FROM debian:bookworm-slim
# The number is fixed so that keys and volumes can be given to it.
RUN apt-get update && \
    apt-get install -y --no-install-recommends libevent-core-2.1-7 libevent-extra-2.1-7 libosip2-15 libconfig9 libc-ares2 libssl3 \
        ca-certificates && \
    rm -rf /var/lib/apt/lists/* && \
    groupadd --gid 10560 sipweir && \
    useradd --uid 10560 --gid sipweir --home-dir /var/lib/sipweir --no-create-home --shell /usr/sbin/nologin sipweir && \
    install -d -m 0755 /etc/sipweir && \
    install -d -o sipweir -g sipweir -m 0750 /run/sipweir /var/lib/sipweir
COPY --from=build /image /
USER 10560:10560
# SIP over TCP and TLS, HTTP for operators, health for load balancers: as far as the configuration opens them.
EXPOSE 5060 5061 9090 9091
# It asks over admin.control. A drain is healthy until it is over.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["sipweirctl", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sipweir"]
