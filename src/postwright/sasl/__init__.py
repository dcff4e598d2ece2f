"""SASL mechanisms (RFC 4422): each is a small generator of bytes to bytes, chosen by name from one register."""
