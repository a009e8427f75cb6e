"""The parts of the consumer: from a job's message to its acknowledgement."""
