"""Options that commands and reports share: declarations and types, no callbacks."""
