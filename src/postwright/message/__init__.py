"""What is sent: addresses, headers, MIME, bodies as streams. Knows no socket, no clock and no disk but a body's own."""
