"""Kubernetes, wherever it runs."""
