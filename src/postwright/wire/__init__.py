"""What goes over the wire, as values: replies, commands, extensions, line ends, dots."""
