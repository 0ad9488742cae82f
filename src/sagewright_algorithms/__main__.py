"""``python -m sagewright_algorithms <algorithm> train | serve | describe | validate``."""

import os
import sys

from sagewright_algorithms.contract.command import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # All is written: the libraries' threads need not be waited for, nor trip over an interpreter that goes away.
    os._exit(code)
