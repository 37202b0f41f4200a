"""Generators and auto-encoders of digits: measures, the study of restoration, the cells of the grid."""
