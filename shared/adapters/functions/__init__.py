"""The Functions worker's types, to ours and back."""
