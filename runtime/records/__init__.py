"""What is on record about jobs and runs: the ledger on the share, the journal of a run, the verdict on it."""
