"""Devices behind EdgeX Foundry: commands by core-command over REST or external MQTT, readings by its events."""
