# The container action. The binary is the entry point, in exec form: a shell would drop inputs with hyphens.
ARG BUILDER=docker.io/library/rust:1.95-slim-bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12

FROM ${BUILDER} AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY benches benches
COPY models models
COPY src src
RUN cargo build --release --locked --bin snakestone

FROM ${RUNTIME}
COPY --from=build /build/target/release/snakestone /usr/local/bin/snakestone
ENTRYPOINT ["/usr/local/bin/snakestone"]
