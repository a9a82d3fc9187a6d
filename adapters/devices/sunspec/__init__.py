"""The SunSpec family: inverters of the 700 series and of the older models, and meters."""
