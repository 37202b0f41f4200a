"""Make what is shipped: `python -m scripts.making records|weights [NAME ...]`, and what the makers share."""
