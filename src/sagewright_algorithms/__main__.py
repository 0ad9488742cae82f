"""``python -m sagewright_algorithms <algorithm> train | serve | describe | validate``."""

import sys

from sagewright_algorithms.contract.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
