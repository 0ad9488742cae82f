"""What a framework's container does where the user's module has no function for it: modules with the same functions."""
