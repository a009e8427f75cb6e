"""A substitute for pulumi-docker's resource plugin, for machines that cannot download it.

It has only the resource types that this project uses, with the vendor's inputs, outputs, defaults,
replacements and waits.
"""

VERSION = "5.2.0"  # of the vendor's plugin: the SDK asks for this one
