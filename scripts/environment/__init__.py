"""Make `.venv`, and pin what goes into it; the standard library alone, before there is any environment."""
