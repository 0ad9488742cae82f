"""Script mode: what AWS's framework containers do around a user's own code, for training and serving.

``catalog`` has the frameworks as data; ``training`` runs a script as AWS's training toolkit does, ``serving`` loads and
serves a model as the inference toolkit does. User code runs in a process of its own.
"""
