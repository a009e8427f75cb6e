"""Messaging for OODT: takes jobs from RabbitMQ, runs them on a Workflow Manager, tells what became of each."""
