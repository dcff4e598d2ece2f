"""How bytes, time and threads move: the drivers that grant the effects of a flow."""
