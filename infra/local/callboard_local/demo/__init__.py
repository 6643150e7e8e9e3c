"""The demo: a brief is given to the agent and followed to its approved assets, as any client would do it."""
