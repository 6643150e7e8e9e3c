"""The queues of the stack by the names that people use, and the outputs of the template that hold their URLs."""

DEAD_LETTERS = "-dead-letters"
# Each has a queue of dead letters.
NAMES = {"jobs": "Jobs", "checks": "Checks", "notify": "Notify", "wake": "Wake", "agents": "Agent"}
OUTPUTS = {name: f"{title}QueueUrl" for name, title in NAMES.items()} | {
    name + DEAD_LETTERS: f"{title}DeadLettersUrl" for name, title in NAMES.items()
}
