"""Tools that every room may use; they import nothing of this package but its version."""
