"""Generation jobs: accepted, handed to a cloud service, watched, ended."""
