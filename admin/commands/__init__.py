"""The subcommands of `wproxy` that talk to the stats socket, one group a file."""
