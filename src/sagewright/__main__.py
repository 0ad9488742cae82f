"""``python -m sagewright`` is the ``sagewright`` command."""

from sagewright.cli import main

raise SystemExit(main())
