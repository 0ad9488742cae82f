"""``python -m sagewright_frameworks <framework> train | serve | setup | describe``."""

import os
import sys

from sagewright_frameworks.command import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
