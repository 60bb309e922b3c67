"""What can go wrong in a measurement."""


class BenchError(Exception):
    """A process or a request did not do what is to be measured; the message says which and shows what it said."""
