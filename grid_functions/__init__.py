"""Ground floor: the nouns and the decisions. Pure: nothing here awaits, opens, draws or reads a clock."""
