"""Reads -> what is in force per respondent and mode, and what changes next (rule 0, 7 and 10)."""
