"""`python -m scripts.book [--fresh]`: build the book."""

from scripts.book.build import main

if __name__ == "__main__":
    main()
