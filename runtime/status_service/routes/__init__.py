"""The routes of the status service, a module for each subject.

``{batch:name}`` in a path is any name at the end of it, or before a last fixed word.
"""

from starlette.convertors import Convertor, register_url_convertor


class _Name(Convertor[str]):
    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("name", _Name())
