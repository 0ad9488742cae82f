"""Real-time hosting: models, endpoint configurations, endpoints, and what makes endpoints serve."""
