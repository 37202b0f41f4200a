"""What everything stands on: checks of arguments, artifacts and their cards, seeds, devices; and what ships."""
