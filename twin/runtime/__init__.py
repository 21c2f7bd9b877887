"""asyncio lives here, and only here: channels, pipeline, delivery."""
