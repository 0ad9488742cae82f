#!/bin/bash
set -e
echo "shell got: $*"
python3 -c 'import sys; print("python of the job", sys.prefix)'
python3 -m pip --version
echo done > "$SM_MODEL_DIR/done.txt"
if [ -n "${SM_CHANNEL_MODEL:-}" ]; then echo "begins with: $(ls "$SM_CHANNEL_MODEL")"; fi
