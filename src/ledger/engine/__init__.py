"""The engine: tenants, their handles, and the work that runs behind them."""
