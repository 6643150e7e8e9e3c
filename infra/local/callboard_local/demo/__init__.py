"""The demo: a real production from a brief to approved assets, over HTTP and WebSocket as any client would do it."""
