"""Physics: each equation once, pure and vectorised. Figures of products come in as arguments."""
