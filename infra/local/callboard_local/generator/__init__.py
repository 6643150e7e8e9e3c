"""A stand-in for a cloud generation service: Replicate's predictions API, signed callbacks, drawn pictures."""
