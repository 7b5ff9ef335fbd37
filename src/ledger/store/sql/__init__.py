"""One SQL implementation of the repositories; what differs between databases has a name."""
