"""What the operator's commands are made of. No container's process imports it."""
