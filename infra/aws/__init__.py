"""Target aws: nodes are EC2 instances with a file system of EFS in common."""
