"""The console: views for people, each with an address of its own."""

from runtime.status_service import paths

paths.register()
