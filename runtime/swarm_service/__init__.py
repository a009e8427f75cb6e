"""The process on a manager that looks at the swarm by docker's socket, and listens to nobody."""
