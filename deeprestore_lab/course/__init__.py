"""What a student's notebook uses beside the equation: claims, figures, sliders, checks of answers, sweeps."""
