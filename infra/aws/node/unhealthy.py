"""Has this worker replaced: its group ends an instance that is unhealthy, and one that has stopped itself."""

from __future__ import annotations

import argparse
import subprocess

from infra.aws.node import metadata


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--region", required=True)
    region = parser.parse_args().region
    try:
        import boto3  # noqa: PLC0415 - may be what could not be installed

        group = boto3.client("autoscaling", region_name=region)
        group.set_instance_health(
            InstanceId=metadata.get("instance-id"), HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
        )
        print("oodt: gave up; this worker is unhealthy, and its group will replace it", flush=True)
    except Exception as problem:  # whatever it is: an instance that is of no use must not stay
        print(f"oodt: gave up; this worker stops, to be replaced ({problem})", flush=True)
        subprocess.run(["systemctl", "poweroff", "--no-block"], check=True, timeout=60)


if __name__ == "__main__":
    main()
