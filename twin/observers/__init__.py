"""Beliefs about states: predict, correct, rewind."""
