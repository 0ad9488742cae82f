"""Runs as ``python -S -E -P <this file> <folder>``: a script, so that no site packages are looked for."""

import sys

if __name__ == "__main__":
    sys.path.insert(0, __file__.rsplit("/", 4)[0])
    from sagewright.runtime.agent.main import main

    sys.exit(main(sys.argv[1]))
