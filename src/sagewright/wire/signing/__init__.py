"""Who sent a request, and whether it came as it was sent: signatures in headers, URLs, forms and chunks of bodies."""
