"""Agents: threads, runs, and the graph that plans, works, waits and asks."""
