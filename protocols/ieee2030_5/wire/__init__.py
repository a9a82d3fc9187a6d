"""The IEEE 2030.5 wire: messages as frozen types, and their bytes."""
