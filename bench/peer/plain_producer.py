"""A producer as pika's introduction writes one: a blocking connection, messages confirmed one by one.

python plain_producer.py JOBS     with BROKER_URL in the environment; prints the seconds that it took
"""

import json
import os
import sys
import time

import pika

QUEUE = "test-workflow"


def main() -> None:
    body = json.dumps({"Dataset": "abc", "Project": "123", "Run": "1"})
    started = time.monotonic()
    with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER_URL"])) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(int(sys.argv[1])):
            channel.basic_publish("oodt-exchange", QUEUE, body, pika.BasicProperties(delivery_mode=2))
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
