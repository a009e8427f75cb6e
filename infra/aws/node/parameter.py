"""The token store of target aws: one SecureString of SSM, which only the stack's own nodes may read."""

from __future__ import annotations

import json
import typing

import boto3
import botocore.config
import botocore.exceptions

CONFIG = botocore.config.Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})


class ParameterStore:
    """Its record has more than the swarm's own: ``public``, such as the manager's ssh host key."""

    def __init__(self, name: str, region: str, public: dict[str, str]) -> None:
        self.name = name
        self.public = public
        self.ssm = boto3.client("ssm", region_name=region, config=CONFIG)

    def write(self, record: dict[str, str]) -> None:
        value = json.dumps({**record, **self.public})
        self.ssm.put_parameter(Name=self.name, Value=value, Type="SecureString", Overwrite=True)

    def read(self) -> dict[str, str] | None:
        """The record; None where there is none. Raises OSError while a fresh role may not read it yet."""
        try:
            answer = self.ssm.get_parameter(Name=self.name, WithDecryption=True)
        except self.ssm.exceptions.ParameterNotFound:
            return None
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as problem:
            raise OSError(f"{self.name}: {problem}") from None
        return typing.cast("dict[str, str]", json.loads(answer["Parameter"]["Value"]))
