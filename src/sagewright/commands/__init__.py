"""One module a subcommand of ``sagewright``, and what they share."""


class CommandFailed(Exception):
    """What a command tells its user instead of doing its work."""
