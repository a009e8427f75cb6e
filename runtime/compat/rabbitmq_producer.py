"""``import rabbitmq_producer`` and ``python -m rabbitmq_producer``, as scripts for the original say."""

from runtime.cli.command import exit_with
from runtime.rabbitmq_producer import (
    RabbitmqProducer,
    main,
    publish_messages,
    wait_for_queue,
    wait_for_queues,
)

__all__ = ["RabbitmqProducer", "publish_messages", "wait_for_queue", "wait_for_queues"]

if __name__ == "__main__":
    exit_with(main)
