"""Chargers as profiles: data only, one file each; ``_blueprint.yaml`` is to be copied."""
