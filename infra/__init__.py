"""What hosts the swarm: settings, the interface that every target returns, and the targets themselves."""
