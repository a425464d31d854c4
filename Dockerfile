# A static image: one program, nothing else. Build: docker build -t shakedown .
#
#   docker run --rm --ulimit nofile=65536:65536 -v "$PWD/reports:/reports" shakedown run /scenarios/smoke/quickstart.yaml
#
# Runs use embedded parts, or servers that the container can reach; a home of a real server would need its Java.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
# On Alpine the host's own target is musl, and its programs are static by default, on every architecture.
RUN CARGO_PROFILE_RELEASE_STRIP=true cargo build --release --locked -p shakedown-cli && cp target/release/shakedown /shakedown

FROM scratch
COPY --from=build /shakedown /shakedown
COPY scenarios /scenarios
# Run directories and baselines lie below /reports: mount a folder there to keep them.
WORKDIR /
ENTRYPOINT ["/shakedown"]
CMD ["--help"]
