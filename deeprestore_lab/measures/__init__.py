"""Numbers that say how good a picture, a sample or a weight is. None of them is part of the equation."""
