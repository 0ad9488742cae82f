"""What every test shares."""

from hypothesis import settings

pytest_plugins = ["sagewright.testing.plugin"]

settings.register_profile("sagewright", deadline=None)  # a machine is busy now and then
settings.load_profile("sagewright")
