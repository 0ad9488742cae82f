"""IP Insights: which entity uses which IPv4 addresses."""
