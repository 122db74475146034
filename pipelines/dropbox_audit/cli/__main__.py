"""`python -m dropbox_audit.cli`."""

from dropbox_audit.cli import command

if __name__ == "__main__":
    command()
