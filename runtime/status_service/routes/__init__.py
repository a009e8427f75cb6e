"""The routes of the API, a module for each subject."""

from runtime.status_service import paths

paths.register()
