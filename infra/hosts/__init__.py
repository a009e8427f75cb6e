"""Target hosts: the nodes are machines that exist already and share a disk; the stack only borrows them."""
