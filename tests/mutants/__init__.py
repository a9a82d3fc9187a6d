"""Do the tests notice when the product is changed? `make mutants` asks."""
