"""Identity proofing: judges what a person submits, keeps the evidence, tells the outcome."""
