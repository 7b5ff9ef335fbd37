"""Golden cases: numbers that must come out, and the runner that asks for them."""
