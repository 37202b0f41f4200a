"""What everything stands on: checks of arguments, artifacts with their cards, seeds, devices, printing; and what ships."""
