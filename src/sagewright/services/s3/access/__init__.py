"""Who may do what: access control lists, policies, other origins, forms."""
