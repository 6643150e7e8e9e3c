"""Callboard: a serverless backend for agent-driven content production."""
