"""Running containers' work: what to run (Workload), what became of it (Observation), and who runs it (Backend)."""
