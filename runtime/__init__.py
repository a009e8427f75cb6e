"""Takes jobs from RabbitMQ, runs them on an OODT Workflow Manager, and tells what became of each."""
