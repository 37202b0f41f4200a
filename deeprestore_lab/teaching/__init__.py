"""What only an instructor runs: exercises made and graded, and submissions looked into."""
