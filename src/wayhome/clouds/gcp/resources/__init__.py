"""Google Cloud's objects as `gcloud … --format=json` and the APIs print them.

Names and shapes follow the discovery documents of compute v1, container v1 and networkconnectivity v1. References are
full names (`Reference`), whatever their spelling in the export. Numbers that the API writes as text stay text.
"""
