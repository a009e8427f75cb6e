"""``import rabbitmq_producer``, as scripts written for the original say."""

from runtime.rabbitmq_producer import publish_messages, wait_for_queues

__all__ = ["publish_messages", "wait_for_queues"]
