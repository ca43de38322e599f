"""The rows of the runtime API, a file per group of commands."""
