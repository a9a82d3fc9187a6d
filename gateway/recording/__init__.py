"""What decisions were made from, kept in the log, so that they can be made again."""
