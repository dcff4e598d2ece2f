"""How fast postwright is, beside its peers: ``python -m bench``."""
