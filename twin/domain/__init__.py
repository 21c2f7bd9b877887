"""The words of the house: immutable records, standard library only."""
