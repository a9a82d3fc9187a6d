"""osed.yaml: one file, validated whole."""
