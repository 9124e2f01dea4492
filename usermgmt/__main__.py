"""`python -m usermgmt` is the command `usermgmt`."""

from usermgmt.cli import main

if __name__ == "__main__":
    main()
