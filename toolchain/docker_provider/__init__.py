"""A substitute for pulumi-docker's resource plugin, for machines that cannot download it.

It carries only the resource types of this project, with the vendor's inputs, outputs, defaults, replacements
and waits.
"""

VERSION = "5.2.0"  # of the plugin that it stands for: the SDK asks for this one
