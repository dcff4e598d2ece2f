"""What to say, and when: the one dialogue, written as flows that await effects.

Nothing in this room knows whether it runs under threads or asyncio.
"""
