"""ISA-18.2 state machine and routing: who hears of what, when."""
