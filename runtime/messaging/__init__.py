"""RabbitMQ as this cluster uses it: the messages, the queues, the connections that carry them."""
