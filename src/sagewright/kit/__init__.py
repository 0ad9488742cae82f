"""How services are written: operations, contexts, paging, tags, held answers."""
