"""What is judged: each rule gets the settings and the facts, and yields findings.

A rule raises ConfigurationError for what is wrong with a key, and NotRead where it lacks a fact.
"""
