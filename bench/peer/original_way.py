"""Submits jobs the original's way, rewritten: each message on a connection of its own.

python original_way.py JOBS     with BROKER_URL in the environment; prints the seconds that it took

The tutorial's driver calls its producer once a message. This does on the wire what such a call needs:
connect, declare exchange and queue, bind, publish with a confirm, close. It is not the original's client.
"""

import json
import os
import sys
import time

import pika

EXCHANGE = "oodt-exchange"
QUEUE = "test-workflow"


def submit(url: str, body: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.exchange_declare(EXCHANGE, "direct", durable=True)
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_bind(QUEUE, EXCHANGE, QUEUE)
        channel.confirm_delivery()
        channel.basic_publish(EXCHANGE, QUEUE, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def main() -> None:
    started = time.monotonic()
    for number in range(int(sys.argv[1])):
        submit(os.environ["BROKER_URL"], json.dumps({"Dataset": "abc", "Project": "123", "Run": number}))
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
