"""Column mapping: somebody's columns → canonical ones, as Ibis expressions that every engine runs alike."""
