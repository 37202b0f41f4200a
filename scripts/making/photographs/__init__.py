"""The photographs that networks learn from."""
