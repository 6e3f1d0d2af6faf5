"""What is on disk: files and whether they may be sent, languages, git, the module graph."""
