"""Plans and features: what is sold, at which prices, with which entitlements."""
