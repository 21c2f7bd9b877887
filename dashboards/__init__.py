"""Pages and the live stream behind them."""
