"""A stand-in for a language model: OpenAI's chat completions, answered by a script that plans from the words."""
