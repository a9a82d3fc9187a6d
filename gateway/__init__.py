"""The roof: wires protocols, grid functions and adapters into one appliance."""
