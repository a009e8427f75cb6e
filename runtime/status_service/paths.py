"""Names in paths: ``{batch:name}`` is any name at the end of a path, or before a last fixed word."""

from starlette.convertors import Convertor, register_url_convertor


class _Name(Convertor[str]):
    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def register() -> None:
    """Let routes use it. It has to be known before a module with such a route is read."""
    register_url_convertor("name", _Name())
