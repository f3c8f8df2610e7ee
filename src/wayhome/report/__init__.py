"""Answers as people and machines read them: text and JSON documents."""
