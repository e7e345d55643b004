"""`python -m evtplan` is the same as the command `evtplan`."""

from evtplan.commands.app import main

if __name__ == "__main__":
    main()
