"""What every test shares."""

pytest_plugins = ["sagewright.testing.plugin"]
