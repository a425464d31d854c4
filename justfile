# The front door: `just check` before every commit.

# Format, lint, test and document, as CI does.
check: fmt-check lint test doc tidy

# Fail when a file is not formatted.
fmt-check:
    cargo fmt --all --check

# Clippy and rustc warnings are errors here, not on a developer's own builds.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The README's test command.
test:
    cargo test --workspace --locked

# API documentation without broken links.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# What the compiler does not check: sizes, arrows between crates, forbidden crates.
tidy:
    ci/tidy

# The narrow path, as a newcomer runs it.
smoke:
    cargo run --release --locked -- run scenarios/smoke/quickstart.yaml

# Any scenario, with any options.
run *args:
    cargo run --release --locked -- run {{args}}

# What differs between runs, the first being what the others are compared with.
compare *runs:
    cargo run --release --locked -- compare {{runs}}

# The static image.
image:
    docker build -t shakedown .

# Write scenarios/schema.json and scenarios/REFERENCE.md anew.
schema:
    UPDATE_SCHEMA=1 cargo test --locked -p shakedown-scenario schema

# The second stage: real parts, whose homes are given by NACOS_HOME and TOXIPROXY_HOME.
real:
    ci/real

# What takes too long for every change: 30 clean seeds of the self-test, every chaos scenario and known bug with its gates
nightly:
    ci/nightly
