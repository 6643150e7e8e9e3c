"""What happened: the log, the outbox and the messages made of them."""
