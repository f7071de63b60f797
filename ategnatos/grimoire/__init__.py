"""What is true: the project's zones, documents, journal, jobs, views and content store."""
