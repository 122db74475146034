"""Questions for the warehouse, in the words that all three share; each takes the door first and shows nothing."""
