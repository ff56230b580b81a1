"""What an installation consists of, what it lacks, and the command that puts it right."""
