"""`python -m dropbox_audit.cli`."""

from dropbox_audit.cli import main

if __name__ == "__main__":
    main()
