"""What users are told: documents for programs, words for people."""
