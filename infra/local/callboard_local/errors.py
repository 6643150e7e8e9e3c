"""What can go wrong with the local stack, said so that the reader knows what to do."""


class StackError(Exception):
    """The local stack cannot do this; the message is for the person at the terminal."""


class StackNotRunningError(StackError):
    """There is no running stack."""

    def __init__(self) -> None:
        super().__init__("The local stack is not running. Start it with `make up`.")
