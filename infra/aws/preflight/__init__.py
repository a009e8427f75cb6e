"""What an account is asked before anything is made in it: all findings at once, read-only, at no cost."""
