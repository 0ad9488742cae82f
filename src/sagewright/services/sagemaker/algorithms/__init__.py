"""Algorithms of the user's own: resources that name an image and what it takes."""
