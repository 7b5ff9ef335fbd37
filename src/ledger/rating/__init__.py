"""Rating, pure: what a quantity costs, what a part of a period costs, and how that came about."""
