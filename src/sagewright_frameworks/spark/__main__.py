"""``python -m sagewright_frameworks.spark setup | submit ...``."""

import sys

from sagewright_frameworks.spark.command import main, setup

if __name__ == "__main__":
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in ("setup", "submit"):
        sys.exit("usage: python -m sagewright_frameworks.spark setup | submit ...")
    sys.exit(setup() if verb == "setup" else main(sys.argv[2:]))
