"""SunSpec information models: points, models, discovery."""
