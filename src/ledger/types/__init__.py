"""The vocabulary that every slice speaks: exact, frozen, without input or output."""
