"""What operators do to jobs, as commands and the status service's API carry it out alike."""
